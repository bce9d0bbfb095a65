/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the rules about kernels ask of xattrs and backing paths. */
#ifndef CFS_EROFS_KERNEL_XATTR_H
#define CFS_EROFS_KERNEL_XATTR_H

#include "tree/tree.h"

/* Is it an ACL, or capabilities? */
bool kernel_is_acl(struct cfs_text key);
bool kernel_is_capability(struct cfs_text key);

/* Is there a handler for that key, which an inode of the tree has? */
bool kernel_shows_key(struct cfs_text key);

/* Is the value of that key, an ACL, whole, and one that is given back byte for byte, on an inode of that type? */
bool kernel_takes_acl(struct cfs_text key, struct cfs_span value, uint32_t mode);

/* The same of capabilities. */
bool kernel_takes_capability(struct cfs_span value);

/* Can a file be found under that backing path? */
bool kernel_finds_path(struct cfs_text path);

#endif
