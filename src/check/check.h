/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check: checks a whole repository, and repairs it.
 * Owns:  what can be wrong with objects, links, streams and images; their repair, with
 *        objects from elsewhere.
 * Uses:  base, verity, erofs, store, stream, repo.
 * Never: removes data (a damaged object is moved to .quarantine/), asks the network,
 *        mounts, prints.
 */
#ifndef CFS_CHECK_H
#define CFS_CHECK_H

#include "base/base.h"
#include "repo/repo.h"

/* What can be wrong. Their names (cfs_check_fault_name) are those of composefs-rs, then
 * our own. */
enum cfs_check_fault {
	CFS_CHECK_OBJECT_NAME,
	CFS_CHECK_OBJECT_OPEN,
	CFS_CHECK_OBJECT_DIGEST,
	CFS_CHECK_OBJECT_VERITY,
	CFS_CHECK_OBJECT_NO_VERITY,
	CFS_CHECK_ENTRY_NO_LINK,
	CFS_CHECK_LINK_BROKEN,
	CFS_CHECK_STAT,
	CFS_CHECK_FILE_TYPE,
	CFS_CHECK_STREAM_OPEN,
	CFS_CHECK_STREAM_OBJECT,
	CFS_CHECK_STREAM_READ,
	CFS_CHECK_STREAM_NAME,
	CFS_CHECK_IMAGE_OPEN,
	CFS_CHECK_IMAGE_INVALID,
	CFS_CHECK_IMAGE_OBJECT,
	CFS_CHECK_LINK_TARGET,
	CFS_CHECK_REF_NAME,
	CFS_CHECK_OBJECT_SIZE,
	CFS_CHECK_OBJECT_MODE,
	CFS_CHECK_LEFTOVER,
	CFS_CHECK_IMAGE_SHOWN, /* sound, and kernels show it otherwise */
	CFS_CHECK_N_FAULTS
};

/* "object-digest-mismatch" and so on. */
const char *cfs_check_fault_name(enum cfs_check_fault fault);

/* Nothing is damaged by it: it is told, and does not count. */
bool cfs_check_fault_is_remark(enum cfs_check_fault fault);

struct cfs_check_finding {
	enum cfs_check_fault fault;
	const char *place;    /* below the repository */
	const char *what;     /* a sentence */
	struct cfs_digest id; /* of the object that is damaged or missing; alg 0: none */
};

/* Starts zeroed. */
struct cfs_check_report {
	uint64_t n_objects, n_streams, n_images; /* looked at */
	uint64_t n_bad_objects, n_bad_streams, n_bad_images, n_broken, n_missing;
	struct cfs_check_finding *v; /* by place */
	size_t n, cap;
	struct cfs_arena arena;
};

struct cfs_check_opts {
	bool metadata_only;	       /* contents of file objects are not read */
	const struct cfs_watch *watch; /* may be NULL */
	bool background; /* one thread, and what was not in memory before does not stay there */
};

/* Looks at everything, on all CPUs unless in the background, and goes on whatever it
 * finds: a negative return is out of memory, or a directory that cannot be read. */
int cfs_check_repo(const struct cfs_repo *repo, const struct cfs_check_opts *opts,
		   struct cfs_check_report *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_check_report_fini(struct cfs_check_report *report);

/* Is anything damaged? */
bool cfs_check_report_is_bad(const struct cfs_check_report *report);

/* An object that is wanted. */
struct cfs_check_want {
	struct cfs_digest id;
	uint64_t
		max_size; /* it is no larger: what the images say, or CFS_CHECK_FETCH_MAX */
	bool done;	  /* it was brought */
};

/* Of an object that no image tells the size of: an image itself, a stream, what only
 * streams have. */
#define CFS_CHECK_FETCH_MAX (4ULL << 30)

/* Takes the content of an object that was wanted, a regular file that stays the caller's.
 * 1: it was right; 0: it is not what its id says; negative: it cannot be kept, and
 * fetching ends. */
typedef int cfs_check_take(void *ctx, size_t i, int fd, struct cfs_err *err);

/* Where objects may come from: directories, then others that the caller knows how to ask.
 * Starts zeroed. */
struct cfs_check_sources {
	const char *const *dirs; /* repositories, or directories of objects */
	size_t n_dirs;
	/* Asks source k for n objects and has each taken that it brings, in any order.
	 * What it has not is no error. */
	int (*fetch)(void *ctx, size_t k, const struct cfs_check_want *v, size_t n,
		     cfs_check_take *take, void *take_ctx, struct cfs_err *err);
	size_t n_others;
	void *ctx;
	const struct cfs_watch *watch; /* may be NULL */
};

struct cfs_check_repaired {
	uint64_t n_quarantined, n_fetched, n_sealed, n_relinked, n_dropped;
};

/* Mends what a report tells: moves damaged objects to .quarantine/, fetches them and
 * those that are missing from one of the sources (each is checked before it enters),
 * seals objects that lack fs-verity, makes links anew that must be what their name says,
 * and drops first-level links whose object is gone for good. Names are never dropped. The
 * repository is open for WRITE. */
int cfs_check_repair(struct cfs_repo *repo, const struct cfs_check_report *report,
		     const struct cfs_check_sources *from, struct cfs_check_repaired *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
