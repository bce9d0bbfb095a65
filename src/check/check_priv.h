/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* check, private: a check under way. */
#ifndef CFS_CHECK_PRIV_H
#define CFS_CHECK_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "check/check.h"

struct check_use;

/* Objects that images use and something is wrong with. Starts zeroed. */
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
	struct cfs_ids present; /* objects that have a file */
	uid_t owner;		/* of the repository */
	uint64_t *sizes;	/* of each of them; CHECK_NO_SIZE: not a regular file */
	bool *is_bad;		/* each of them: something is wrong with it */
	struct check_uses uses; /* guarded by lock */
	/* By enum cfs_repo_kind. Somebody may be adding: refs were read first, then entries, then
	 * objects, against the order in which they are made. */
	struct cfs_repo_list refs[2], entries[2];
	pthread_mutex_t lock; /* guards out */
	atomic_size_t n_done;
};

#define CHECK_NO_SIZE UINT64_MAX

/* Tells a finding. id may be NULL. -ENOMEM. */
int check_tell(struct check *c, enum cfs_check_fault fault, const struct cfs_digest *id,
	       const char *place, const char *what, struct cfs_err *err) CFS_MUST_CHECK;

/* The index of an object in present; SIZE_MAX: it is not there. */
size_t check_find(const struct check *c, const struct cfs_digest *id);

/* The size of an object; false: it is not there. */
bool check_size(const struct check *c, const struct cfs_digest *id, uint64_t *out);

/* An object that is missing or damaged, and a file of an image whose content it is. */
struct check_used {
	struct cfs_digest id;
	enum cfs_check_fault fault;
	const char *what;
	size_t image; /* index of its entry */
	struct cfs_text path;
};

/* check_uses.c: gathers them, and tells of each object once, with the names of its images. -ENOMEM. */
int check_note_use(struct check *c, const struct check_used *used,
		   struct cfs_err *err) CFS_MUST_CHECK;
int check_tell_uses(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;
void check_uses_fini(struct check_uses *uses);

/* Progress of a stage, told by the first thread. */
void check_show(struct check *c, unsigned worker, const char *stage, size_t all);

/* How many threads there may be. */
unsigned check_threads(const struct check *c);

/* Before an object is read in the background: a descriptor if nothing of it is in memory, else -1. Afterwards it is
 * given back, and what reading brought in is dropped. */
int check_cold_begin(const struct check *c, const struct cfs_digest *id);
void check_cold_end(int fd);

/* check_links.c: reads refs and entries of both kinds, then checks them. */
int check_list(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;
int check_streams(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;
int check_images(struct check *c, struct cfs_err *err) CFS_MUST_CHECK;

#endif
