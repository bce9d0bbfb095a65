/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Key prefixes of xattrs and the numbers that stand for them. */
#include "erofs/key_prefix.h"

const struct cfs_text cfs_xattr_prefixes[CFS_N_XATTR_PREFIXES] = {
	[EROFS_XATTR_NONE] = CFS_TEXT(""),
	[EROFS_XATTR_USER] = CFS_TEXT("user."),
	[EROFS_XATTR_ACL_ACCESS] = CFS_TEXT("system.posix_acl_access"),
	[EROFS_XATTR_ACL_DEFAULT] = CFS_TEXT("system.posix_acl_default"),
	[EROFS_XATTR_TRUSTED] = CFS_TEXT("trusted."),
	[EROFS_XATTR_LUSTRE] = CFS_TEXT("lustre."),
	[EROFS_XATTR_SECURITY] = CFS_TEXT("security."),
};

/* The kernel compares the whole key of an ACL, but composefs matches it as a prefix too.
 * Writers never use "lustre.". */
uint8_t cfs_xattr_find_prefix(struct cfs_text key)
{
	for (uint8_t i = EROFS_XATTR_USER; i <= EROFS_XATTR_SECURITY; i++)
		if (i != EROFS_XATTR_LUSTRE &&
		    cfs_text_has_prefix(key, cfs_xattr_prefix(i)))
			return i;
	return EROFS_XATTR_NONE;
}

bool cfs_image_shows_xattr(struct cfs_text key)
{
	switch (cfs_xattr_find_prefix(key)) {
	case EROFS_XATTR_ACL_ACCESS:
		return cfs_text_eq(key, cfs_xattr_prefix(EROFS_XATTR_ACL_ACCESS));
	case EROFS_XATTR_ACL_DEFAULT:
		return cfs_text_eq(key, cfs_xattr_prefix(EROFS_XATTR_ACL_DEFAULT));
	case EROFS_XATTR_NONE:
		return false;
	default:
		return true;
	}
}
