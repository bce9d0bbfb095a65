/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check, private: a check in progress. */
#ifndef CFS_CHECK_PRIV_H
#define CFS_CHECK_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "check/check.h"

struct check_use;

/* Damaged or missing objects that images use. Starts zeroed. */
struct check_uses {
	void *tree; /* by ID */
	struct check_use **v;
	size_t n, cap;
	struct cfs_arena arena;
};

struct check {
	const struct cfs_repo *repo;
	const struct cfs_check_opts *opts;
	struct cfs_check_report *out;
	struct cfs_ids present; /* objects that exist */
	uid_t owner;		/* of the repository */
	uint64_t *sizes;	/* of each object; CHECK_NO_SIZE: not a regular file */
	bool *is_bad;		/* for each object: damaged */
	struct cfs_beneath_near *near; /* for each thread */
	unsigned n_near;
	struct check_uses uses; /* guarded by lock */
	/* By enum cfs_repo_kind. Others may add at the same time: references are listed
	 * first, then entries, then objects, opposite to the order in which they are
	 * created. */
	struct cfs_repo_list refs[2], entries[2];
	pthread_mutex_t lock; /* guards out */
	atomic_size_t n_done;
};

#define CHECK_NO_SIZE UINT64_MAX

enum { CHECK_PLACE_MAX = 2048 }; /* bytes of a place that a finding names */

/* --- report.c ----------------------------------------------------------------------- */

/* Adds a finding. id may be NULL. Any thread. -ENOMEM. */
int check_add_finding(struct check *c, enum cfs_check_fault fault,
		      const struct cfs_digest *id, const char *place, const char *what,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a finding about an object that is referenced and does not exist. */
int check_add_missing(struct check *c, enum cfs_check_fault fault,
		      const struct cfs_digest *id, const char *place,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Adds one to a number of the report. Any thread. */
void check_count(struct check *c, uint64_t *n);

/* Sorts the findings by place, since threads add them in any order. Fails only when
 * cancelled. */
int check_sort_report(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;

/* Shows the progress of a stage, once for each item; only the first worker does. */
void check_show_progress(struct check *c, unsigned worker, const char *stage, size_t all);

/* --- background.c ------------------------------------------------------------------- */

/* The number of threads that verify objects: one in the background, else one for each
 * CPU. */
unsigned check_get_n_threads(const struct check *c);

/* In the background, returns a descriptor of the object if nothing of it is in the page
 * cache, else -1. Afterwards check_cold_end closes it, and drops from the page cache what
 * was read. */
int check_cold_begin(const struct check *c, const struct cfs_digest *id);
void check_cold_end(int fd);

/* --- objects.c ---------------------------------------------------------------------- */

/* Lists and checks all objects. */
int check_objects(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;

/* The index of an object in present; SIZE_MAX if it does not exist. */
size_t check_find_object(const struct check *c, const struct cfs_digest *id);

/* The size of an object; false if it does not exist. */
bool check_get_size(const struct check *c, const struct cfs_digest *id, uint64_t *out);

/* --- uses.c ------------------------------------------------------------------------- */

/* A missing or damaged object, and a file of an image that uses it. */
struct check_used {
	struct cfs_digest id;
	enum cfs_check_fault fault;
	const char *what;
	size_t image; /* index of its entry */
	struct cfs_text path;
};

/* Collects uses (any thread), then adds one finding for each object, with the names of
 * the images. -ENOMEM. */
int check_add_use(struct check *c, const struct check_used *used,
		  struct cfs_err *err) CFS_MUST_CHECK;
int check_report_uses(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;
void check_uses_fini(struct check_uses *uses);

/* --- links.c ------------------------------------------------------------------------ */

/* Lists references and first-level links of both kinds. */
int check_list_links(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;

/* Checks the references of a kind, and restarts the progress for its first-level
 * links. */
int check_all_refs(struct check *c, enum cfs_repo_kind kind,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Checks a first-level link and maps its object. 1; 0 if there is a finding. fault: if
 * the object is damaged. */
int check_map_entry(struct check *c, const struct cfs_repo_entry *e, const char *place,
		    enum cfs_check_fault fault, struct cfs_map *map,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* --- streams.c, images.c ------------------------------------------------------------ */

/* Check all streams, or all images, and their references. Damage becomes a finding; an
 * error means that the check could not go on. */
int check_streams(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;
int check_images(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;

#endif
