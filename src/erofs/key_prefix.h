/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Key prefixes of xattrs: an image stores the first part of a key as a number, EROFS_XATTR_*. */
#ifndef CFS_EROFS_KEY_PREFIX_H
#define CFS_EROFS_KEY_PREFIX_H

#include "base/base.h"
#include "erofs/format.h"

enum { CFS_N_XATTR_PREFIXES = EROFS_XATTR_SECURITY + 1 };

/* By index: "", "user.", the two ACL keys, "trusted.", "lustre.", "security.". */
extern const struct cfs_text cfs_xattr_prefixes[CFS_N_XATTR_PREFIXES];

/* The text of an index, e.g. "user."; the index must be below CFS_N_XATTR_PREFIXES. */
static inline struct cfs_text cfs_xattr_prefix(uint8_t index)
{
	return cfs_xattr_prefixes[index];
}

/* The index under which composefs stores a key; EROFS_XATTR_NONE when none fits. */
uint8_t cfs_xattr_find_prefix(struct cfs_text key);

/* Whether a mount of an image shows an xattr with this key. EROFS of Linux has handlers for
 * user., trusted., security. and the two keys of POSIX ACLs. An image can hold other keys
 * ("btrfs.compression", "system.nfs4_acl"): they change its digest, and a mount hides them. */
bool cfs_image_shows_xattr(struct cfs_text key);

#endif
