/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gc: garbage collection of a repository, and the disk usage of its images.
 * Owns:  which objects and first-level links are referenced; their removal; sharing
 *        between images.
 * Uses:  base, hash, verity, erofs, stream, repo.
 * Never: removes what a name refers to or a process uses; prints.
 *
 * Referenced are: each image that a name refers to, and its objects; each stream that a
 * name refers to, its object, the objects, streams and images that it refers to; each
 * image in use. The reference oci-referrers/SUBJECT/ARTIFACT of an artifact counts while
 * its subject is referenced, and is removed with it.
 *
 * The kernel refuses a write lease on a file that any process has open, and a mount in any
 * mount namespace has its image open. A file whose use cannot be determined counts as in
 * use.
 *
 * Marking runs first under the shared lock, then again under the exclusive lock for names
 * that appeared in between. Nothing is removed before marking is complete. Objects that
 * were added in between are never candidates. The order of removal is: references,
 * first-level links, objects. An interrupted run therefore leaves no link to a missing
 * object, and the next run continues.
 */
#ifndef CFS_GC_H
#define CFS_GC_H

#include "base/base.h"
#include "gc/usage.h"
#include "repo/repo.h"

/* Events during garbage collection. */
enum cfs_gc_note {
	CFS_GC_NOTE_FOREIGN,  /* a file that does not belong to the repository; kept */
	CFS_GC_NOTE_DANGLING, /* a reference to a missing image or stream */
	CFS_GC_NOTE_IN_USE,   /* an image in use without a name; kept */
	CFS_GC_NOTE_EXPIRED, /* a reference that is removed: by keep, or without its subject */
	CFS_GC_NOTE_KEPT, /* a reference that is old by time or by version, but not by both; kept */
	CFS_GC_NOTE_NO_ROOT, /* a root that does not exist */
};

/* Zero is the default. */
struct cfs_gc_opts {
	bool dry_run;	 /* count what would be removed, and change nothing */
	bool prune_refs; /* remove dangling references instead of only reporting them */
	unsigned
		keep; /* of each NAME/VERSION or NAME:VERSION, keep the newest so many; 0: all */
	unsigned grace; /* keep objects younger than so many seconds */
	/* Images as cfs_repo_find_image takes them, names of streams and their references:
	 * kept as if a reference existed. */
	const char *const *roots;
	size_t n_roots;
	bool ignore_unknown_roots; /* report a root that does not exist instead of failing */
	void (*note)(void *ctx, enum cfs_gc_note note, const char *what, const char *why);
	void *ctx;
	const struct cfs_watch *watch; /* may be NULL; also ends the wait for the lock */
};

struct cfs_gc_result {
	uint64_t n_objects, bytes;    /* removed; bytes that they occupied on disk */
	uint64_t n_images, n_streams; /* first-level links removed */
	uint64_t n_refs;	      /* references removed */
	uint64_t n_temporary;	      /* leftover temporary files removed */
	uint64_t n_live;	      /* objects kept */
	uint64_t n_in_use;	      /* images in use without a name */
};

/* Collects a repository that is open for WRITE, or for READ if dry_run is set. Waits for
 * the exclusive lock as given when the repository was opened; afterwards
 * the lock is exclusive. -EBUSY: timeout. A failure before the first removal changes
 * nothing. */
int cfs_gc_collect(struct cfs_repo *repo, const struct cfs_gc_opts *opts,
		   struct cfs_gc_result *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
