/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gc, private: the arithmetic of sharing. Pure: objects are numbers, images are lists of
 * them. */
#ifndef CFS_GC_SHARING_H
#define CFS_GC_SHARING_H

#include "gc/usage.h"

struct share_object {
	uint64_t bytes, cached;
	bool missing;
	bool held;		  /* something other than names of images keeps it */
	uint32_t users;		  /* images that have it */
	uint32_t removable_users; /* of those, such that go when their names do */
	uint32_t served;	  /* users that were given their share */
};

struct share_image {
	uint32_t *objects; /* indices, ascending, each once */
	size_t n;
	bool removable; /* it goes when its names do */
};

/* Fills the sums of out[i] for images[i], and of total. users, removable_users and served
 * start as 0. */
void gc_sum_sharing(struct share_object *objects, size_t n_objects,
		    const struct share_image *images, size_t n_images,
		    struct cfs_gc_usage_image *out, struct cfs_gc_usage_total *total);

/* The pairs of cfs_gc_usage_pairs, in the order of chosen. has: a word for each object,
 * zeroed. */
void gc_sum_pairs(const struct share_object *objects, size_t n_objects,
		  const struct share_image *images, const size_t *chosen, size_t n,
		  uint64_t *has, struct cfs_gc_usage_pair *out);

#endif
