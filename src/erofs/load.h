/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From an image to a tree. */
#ifndef CFS_EROFS_LOAD_H
#define CFS_EROFS_LOAD_H

#include "erofs/image.h"
#include "tree/tree.h"

/* The algorithm of the digests in an image: that of the first file that has one; SHA-256 when no file
 * has one. */
int cfs_image_find_alg(const struct cfs_image *im, enum cfs_hash_alg *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Zero is the default. */
struct cfs_load_opts {
	const struct cfs_text *names; /* wanted entries directly below the root */
	size_t n_names;		      /* 0: all */
	/* Put an inode with several names where the tree of the writer had it, at the cost of a pass;
	 * else it stands at the first name of a walk. Needs all names. */
	bool writers_names;
	const struct cfs_watch *watch; /* may be NULL */
};

/* Builds the tree of an image; the tree does not need the image afterwards. -ENOMEM, -ECANCELED, else -EUCLEAN. */
int cfs_image_load(const struct cfs_image *im, const struct cfs_load_opts *opts,
		   struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
