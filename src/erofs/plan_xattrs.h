/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The entries of xattrs, and the xattr areas of inodes. */
#ifndef CFS_EROFS_PLAN_XATTRS_H
#define CFS_EROFS_PLAN_XATTRS_H

#include "erofs/plan.h"

/* The length of one entry, in an area or in the shared table. */
uint32_t cfs_pair_entry_len(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node);

/* Writes that entry to p and returns its end. */
uint8_t *cfs_pair_put_entry(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node, uint8_t *p);

/* The length of the whole area of an inode. Sets n_refs of the inode, which cfs_plan_put_area needs. */
uint64_t cfs_plan_measure_area(struct cfs_plan *plan, cfs_id id);

/* Writes that area to p and returns its end. */
uint8_t *cfs_plan_put_area(const struct cfs_plan *plan, cfs_id id, uint8_t *p);

#endif
