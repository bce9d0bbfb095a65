/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile, inside: what becomes of deletions. */
#ifndef CFS_PROFILE_PRIV_H
#define CFS_PROFILE_PRIV_H

#include "profile/profile.h"

/* Marks of a node; of all but WHITEOUT it is a directory. */
enum {
	CFS_DELETION_WHITEOUT = 1, /* an inode 0/0 */
	CFS_DELETION_HOLDS = 2,	   /* it has the first name of a whiteout */
	CFS_DELETION_LINK = 4,	   /* it has another name of one */
	CFS_DELETION_OPAQUE = 8, /* to overlay mounts by one of the two kinds of xattrs */
};

/* The marks of all nodes, to be freed by the caller. */
int cfs_deletions_mark(const struct cfs_tree *tree, uint8_t **out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The two xattrs that make a directory opaque. */
enum { CFS_N_OPAQUE_KEYS = 2 };
extern const struct cfs_text cfs_opaque_keys[CFS_N_OPAQUE_KEYS];
bool cfs_is_opaque_key(struct cfs_text key);

/* Is it one of these with the value that says so? */
bool cfs_is_opaque_xattr(struct cfs_text key, struct cfs_span value);

#endif
