/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the xattrs that several inodes have. */
#ifndef CFS_EROFS_PLAN_SHARED_H
#define CFS_EROFS_PLAN_SHARED_H

#include "erofs/plan.h"

/* Counts every pair of every inode and makes the table of those that occur twice or more. Needs the
 * flags of all inodes. n_contents: an upper bound of the digests and backing paths in the tree. */
int cfs_plan_shared(struct cfs_plan *plan, size_t n_contents,
		    struct cfs_err *err) CFS_MUST_CHECK;

#endif
