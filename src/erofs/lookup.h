/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lookup of a path in an image. */
#ifndef CFS_EROFS_LOOKUP_H
#define CFS_EROFS_LOOKUP_H

#include "erofs/inode.h"

/* Finds the inode of a path: names separated by one or more '/', from the root; symlinks are not
 * followed. -ENOENT: no such name, "." and ".." included; -ENOTDIR. */
int cfs_image_lookup(const struct cfs_image *im, struct cfs_text path,
		     struct cfs_inode *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
