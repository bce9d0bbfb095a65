/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The shared xattr table: its entries, their order and their positions. */
#ifndef CFS_EROFS_PLAN_TABLE_H
#define CFS_EROFS_PLAN_TABLE_H

#include "erofs/plan.h"

/* Adds an entry; its index goes to *share. -EFBIG: the table is full; -ENOMEM. */
int cfs_plan_share(struct cfs_plan *plan, cfs_pair pair, cfs_id id, uint32_t *share,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Sorts the complete table and gives each entry its position. -ENOMEM. */
int cfs_plan_order_table(struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

#endif
