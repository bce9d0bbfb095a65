/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* object_dir: contents of files of an image, from a directory of objects that is part of
 * no repository.
 * Owns:  the check of a content.
 * Uses:  base, hash, verity, erofs.
 * Never: writes.
 */
#ifndef CFS_OBJECT_DIR_H
#define CFS_OBJECT_DIR_H

#include "base/base.h"
#include "erofs/erofs.h"

/* Maps the content of an external file: the object at its backing path below dirfd. It has
 * the size and the fs-verity digest that the image expects; if the image has no digest, the
 * one that the backing path is made of, if any. The caller calls cfs_map_close(out). */
int object_dir_map(int dirfd, const struct cfs_image *im, const struct cfs_inode *inode,
		   struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
