/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether an image is what the writer makes of its content. */
#ifndef CFS_EROFS_CANONICAL_H
#define CFS_EROFS_CANONICAL_H

#include "erofs/image.h"
#include "erofs/write.h"

/* The options by which an image with this tree was written, as far as its bytes tell. */
struct cfs_image_opts cfs_image_find_form(const struct cfs_image *im,
					  const struct cfs_tree *tree);

/* Checks that the image is byte for byte what the writer makes of its content. Then nothing is hidden
 * in it, and its tree has no other image of this format version, except that the superblock may say 0
 * blocks or not. A tree that an image cannot give back unchanged (one with xattrs that mark whiteouts,
 * see composefs-dump(5)) has a valid image that fails this check. -EUCLEAN: the message names the
 * structure at the first difference, or the damage; -ENOTSUP: a format version that the writer does
 * not know; -ENOMEM; -ECANCELED by watch, which may be NULL. */
int cfs_image_check_canonical(const struct cfs_image *im, const struct cfs_watch *watch,
			      struct cfs_err *err) CFS_MUST_CHECK;

#endif
