/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Resolution of a path in an image as a kernel resolves it after chroot(2) into the mount. */
#ifndef CFS_EROFS_RESOLVE_H
#define CFS_EROFS_RESOLVE_H

#include <limits.h>

#include "erofs/inode.h"

enum cfs_resolve {
	CFS_RESOLVE_LAST,     /* follow a symbolic link that is the last component, too */
	CFS_RESOLVE_NOT_LAST, /* but that one */
};

/* Finds the inode of a path from the root of the image. Symbolic links are followed, absolute ones from the root of
 * the image; ".." of the root is the root. path_out (PATH_MAX bytes; may be NULL) gets the path without symbolic
 * links, "." and ".."; that of the root is "". -ENOENT, -ENOTDIR; -ELOOP: more than 40 symbolic links; -ENAMETOOLONG:
 * PATH_MAX or more bytes on the way; else -EUCLEAN. */
int cfs_image_resolve(const struct cfs_image *im, struct cfs_text path,
		      enum cfs_resolve last, struct cfs_inode *out, char *path_out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
