/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Paths in a frozen tree. */
#ifndef CFS_SELINUX_TREE_FILE_H
#define CFS_SELINUX_TREE_FILE_H

#include "tree/tree.h"

/* Finds an inode by its path from the root, and follows symlinks within the tree. Returns
 * 1; 0: missing, or a parent is not a directory; -ELOOP: too many symlinks, or too long
 * ones. */
int cfs_selinux_find_path(const struct cfs_tree *t, const char *path, cfs_id *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
