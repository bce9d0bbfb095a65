/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check: checks a whole repository, and repairs it.
 * Owns:  what can be wrong with objects, links, streams and images; their repair, with
 *        objects from elsewhere.
 * Uses:  base, hash, verity, erofs, store, stream, repo.
 * Never: removes data (a damaged object is moved to .quarantine/), asks the network,
 *        mounts, prints.
 */
#ifndef CFS_CHECK_H
#define CFS_CHECK_H

#include "base/base.h"
#include "check/scrub.h"
#include "repo/repo.h"

/* What can be wrong. The names (cfs_check_get_fault_name) are those of composefs-rs, then
 * those of this program. */
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
	CFS_CHECK_IMAGE_SHOWN,	 /* valid, but kernels show it differently */
	CFS_CHECK_EXPOSED,	 /* group or others can read all objects */
	CFS_CHECK_STREAM_DIGEST, /* a document that has another digest than its name */
	CFS_CHECK_N_FAULTS
};

/* "object-digest-mismatch" and so on. */
const char *cfs_check_get_fault_name(enum cfs_check_fault fault);

/* A remark: reported, but not damage. */
bool cfs_check_fault_is_remark(enum cfs_check_fault fault);

struct cfs_check_finding {
	enum cfs_check_fault fault;
	const char *place;    /* path below the repository */
	const char *what;     /* a description */
	struct cfs_digest id; /* the damaged or missing object; alg 0: none */
};

/* Starts zeroed. */
struct cfs_check_report {
	uint64_t n_objects, n_streams, n_images; /* checked */
	uint64_t n_bad_objects, n_bad_streams, n_bad_images, n_broken, n_missing;
	struct cfs_check_finding *v; /* sorted by place */
	size_t n, cap;
	struct cfs_arena arena;
};

struct cfs_check_opts {
	bool metadata_only;	       /* do not read the contents of file objects */
	const struct cfs_watch *watch; /* may be NULL */
	bool background; /* use one thread, and keep the page cache as it was */
	/* Read the contents of each object, also of those with fs-verity: a block
	 * that is damaged on the disk shows only then. */
	bool reads_sealed;
	/* Check these objects alone, and no links, streams and images; settled. NULL: the
	 * whole repository. */
	const struct cfs_ids *only;
};

/* Checks the repository, on all CPUs unless in the background. Findings do not stop
 * it. Fails only if memory runs out or a directory cannot be read. */
int cfs_check_repo(const struct cfs_repo *repo, const struct cfs_check_opts *opts,
		   struct cfs_check_report *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_check_report_fini(struct cfs_check_report *report);

/* Whether there is a finding other than remarks. */
bool cfs_check_report_is_bad(const struct cfs_check_report *report);

/* An object to fetch. */
struct cfs_check_want {
	struct cfs_digest id;
	uint64_t max_size; /* from the images that use it, or CFS_CHECK_FETCH_MAX */
	bool done;	   /* it was fetched */
};

/* The limit for objects whose size is in no image: images, streams, and objects that only
 * streams use. */
#define CFS_CHECK_FETCH_MAX (4ULL << 30)

/* Takes the content of the i-th wanted object. fd: a regular file, still owned by the
 * caller. 1: correct; 0: wrong content; negative: it cannot be stored, and fetching
 * ends. */
typedef int cfs_check_take(void *ctx, size_t i, int fd, struct cfs_err *err);

/* Where to fetch objects from: directories, then sources that the caller implements.
 * Starts zeroed. */
struct cfs_check_sources {
	const char *const *dirs; /* repositories or object directories */
	size_t n_dirs;
	/* Asks source k for n objects and passes each one to take, in any order. Objects
	 * that it does not have are not an error. */
	int (*fetch)(void *ctx, size_t k, const struct cfs_check_want *v, size_t n,
		     cfs_check_take *take, void *take_ctx, struct cfs_err *err);
	size_t n_others;
	void *ctx;
	const struct cfs_watch *watch; /* may be NULL */
};

struct cfs_check_repaired {
	uint64_t n_quarantined, n_fetched, n_sealed, n_relinked, n_dropped;
};

/* Repairs what a report lists: moves damaged objects to .quarantine/, fetches them and
 * missing ones from the sources (each is verified before it is added), enables fs-verity
 * on objects without it, creates damaged links of images again, and removes first-level
 * links whose object is lost. References are never removed. The repository is open for
 * WRITE. */
int cfs_check_repair(struct cfs_repo *repo, const struct cfs_check_report *report,
		     const struct cfs_check_sources *from, struct cfs_check_repaired *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
