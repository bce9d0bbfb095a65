/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Digests and backing paths that several files have. */
#ifndef CFS_EROFS_PLAN_CONTENTS_H
#define CFS_EROFS_PLAN_CONTENTS_H

#include "erofs/plan.h"

/* A hash table of those seen so far. Private. */
struct cfs_contents {
	struct cfs_contents_slot *slots; /* open addressing */
	size_t n_slots;
	uint64_t seed;
};

/* n_contents: an upper bound of the values to come. -ENOMEM. */
int cfs_contents_init(struct cfs_contents *c, size_t n_contents,
		      struct cfs_err *err) CFS_MUST_CHECK;
void cfs_contents_fini(struct cfs_contents *c);

/* Prefetches the slot of a node that is counted some nodes later. */
void cfs_contents_prefetch(const struct cfs_contents *c, const struct cfs_plan *plan,
			   cfs_id id);

/* Counts digest and backing path of a file outside the image; the second inode with a value makes
 * it shared. */
int cfs_contents_count(struct cfs_contents *c, struct cfs_plan *plan, cfs_id id,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
