/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Collecting: what no name reaches and nothing uses is removed.
 *
 * Reached are: each image with a name, and its objects; each stream with a name, its object, the
 * objects that it refers to, and the streams and images that it names; each image that is in use:
 * the kernel refuses a write lease on a file that anybody has open, and a mount in any mount
 * namespace has its image open. What cannot be asked about counts as in use.
 *
 * Most is looked at while others use the repository. Then the collector has it alone: names that came
 * meanwhile are followed, uses asked for anew, and only when all that is reached is known, the first
 * object is removed; what came in meanwhile is not even a candidate. Names go first, then first-level
 * links, then objects: whenever it ends, no link leads to nothing, and the next collection goes on.
 */
#ifndef CFS_REPO_COLLECT_H
#define CFS_REPO_COLLECT_H

#include "base/base.h"
#include "verity/verity.h"

/* What the caller is told on the way. */
enum cfs_repo_note {
	CFS_REPO_NOTE_WAITING,	/* for others, to have the repository alone */
	CFS_REPO_NOTE_FOREIGN,	/* a file that is none of ours; it stays */
	CFS_REPO_NOTE_DANGLING, /* a name whose image or stream is gone */
	CFS_REPO_NOTE_IN_USE,	/* an image without a name that is in use; it stays */
	CFS_REPO_NOTE_EXPIRED,	/* a name that --keep removes */
	CFS_REPO_NOTE_KEPT, /* one that it keeps, though either time or version says that it is old */
	CFS_REPO_NOTE_NO_ROOT, /* a root that names nothing */
};

/* Zero is the default. */
struct cfs_repo_collect_opts {
	bool dry_run;	 /* the same numbers, and nothing is changed */
	bool prune_refs; /* names that dangle are removed, and do not hold up the rest */
	unsigned
		keep; /* of each NAME/VERSION or NAME:VERSION the newest so many; 0: all */
	unsigned grace; /* seconds: younger objects stay */
	int timeout; /* seconds to wait for others; 0: as long as it takes; negative: not at all */
	const char *const *
		roots; /* first-level names, IDs with their algorithm in front, and refs: kept as if a ref led there */
	size_t n_roots;
	bool ignore_unknown_roots; /* a root that names nothing is told, not a failure */
	void (*note)(void *ctx, enum cfs_repo_note note, const char *what,
		     const char *why);
	void (*progress)(void *ctx, const char *stage, uint64_t done, uint64_t all);
	void *ctx;
};

struct cfs_repo_collected {
	uint64_t n_objects, bytes;    /* removed; bytes that they occupied on disk */
	uint64_t n_images, n_streams; /* first-level links */
	uint64_t n_refs;	      /* names */
	uint64_t n_temporary;	      /* left by somebody who was killed */
	uint64_t n_live;	      /* objects that stay */
	uint64_t n_in_use;	      /* images without a name that are in use */
};

/* -EBUSY: others use it, and the time is up. Any failure before the first removal leaves all as it
 * was. */
int cfs_repo_collect(const char *path, const struct cfs_repo_collect_opts *opts,
		     struct cfs_repo_collected *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
