/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: marks for the deletions of a tree. */
#ifndef CFS_PROFILE_PRIV_H
#define CFS_PROFILE_PRIV_H

#include "profile/profile.h"

/* Marks of a node. All but WHITEOUT are marks of directories. */
enum {
	CFS_DELETION_WHITEOUT = 1, /* a character device 0/0 */
	CFS_DELETION_HOLDS = 2,	   /* contains the first name of a whiteout */
	CFS_DELETION_LINK = 4,	   /* contains another name of a whiteout */
	CFS_DELETION_OPAQUE = 8,   /* opaque for one of the two kinds of overlay mounts */
};

/* Computes the marks of all nodes. The caller frees them. */
int cfs_deletions_mark(const struct cfs_tree *tree, uint8_t **out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The two xattrs that make a directory opaque. */
enum { CFS_N_OPAQUE_KEYS = 2 };
extern const struct cfs_text cfs_opaque_keys[CFS_N_OPAQUE_KEYS];
bool cfs_is_opaque_key(struct cfs_text key);

/* Returns true for such a key with the value that makes a directory opaque. */
bool cfs_is_opaque_xattr(struct cfs_text key, struct cfs_span value);

#endif
