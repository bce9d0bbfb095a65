/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Predicates on xattrs and backing paths for the rules about kernels. */
#ifndef CFS_EROFS_KERNEL_XATTR_H
#define CFS_EROFS_KERNEL_XATTR_H

#include "tree/tree.h"

/* Whether the key is that of an ACL, or of capabilities. */
bool kernel_is_acl(struct cfs_text key);
bool kernel_is_capability(struct cfs_text key);

/* Whether a mount shows the xattr with this key of the tree. */
bool kernel_shows_key(struct cfs_text key);

/* Whether a kernel accepts the value of an ACL on an inode of this type, and returns it byte for byte. */
bool kernel_takes_acl(struct cfs_text key, struct cfs_span value, uint32_t mode);

/* The same for capabilities. */
bool kernel_takes_capability(struct cfs_span value);

/* Whether overlayfs can find a file with this backing path. */
bool kernel_finds_path(struct cfs_text path);

#endif
