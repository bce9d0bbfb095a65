/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gc, private: how images share objects. Objects are numbers, images are lists of
 * them. */
#ifndef CFS_GC_SHARING_H
#define CFS_GC_SHARING_H

#include "gc/usage.h"

struct share_object {
	uint64_t bytes, cached;
	bool missing;
	bool held;		  /* kept by something other than names of images */
	uint32_t users;		  /* images that have it */
	uint32_t removable_users; /* of these, removable ones */
	uint32_t served;	  /* users whose share was counted */
};

struct share_image {
	uint32_t *objects; /* indices, ascending, each once */
	size_t n;
	bool removable; /* garbage once its names are removed */
};

/* Sets the sums of out[i] for images[i], and of total. users, removable_users and served
 * start as 0. */
void gc_sum_sharing(struct share_object *objects, size_t n_objects,
		    const struct share_image *images, size_t n_images,
		    struct cfs_gc_usage_image *out, struct cfs_gc_usage_total *total);

/* Computes the pairs of cfs_gc_usage_compute_pairs, in the order of chosen. has: a word for each
 * object, zeroed. */
void gc_sum_pairs(const struct share_object *objects, size_t n_objects,
		  const struct share_image *images, const size_t *chosen, size_t n,
		  uint64_t *has, struct cfs_gc_usage_pair *out);

#endif
