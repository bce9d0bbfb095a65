/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The target of a symlink and the content of a file inside the image. */
#ifndef CFS_EROFS_CONTENT_H
#define CFS_EROFS_CONTENT_H

#include "erofs/inode.h"

/* The target of a symlink, borrowed from the image: 1..4095 bytes without NUL. -EINVAL: not a
 * symlink; -EUCLEAN. */
int cfs_inode_read_target(const struct cfs_inode *inode, struct cfs_text *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The content of a regular file that is not external: borrowed from the image when it is in one
 * piece, else copied to buf (CFS_CONTENT_MAX bytes). */
struct cfs_span cfs_inode_read_content(const struct cfs_inode *inode, uint8_t *buf);

#endif
