/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Keys in their final form, and the values of pairs. */
#ifndef CFS_EROFS_PLAN_KEYS_H
#define CFS_EROFS_PLAN_KEYS_H

#include "erofs/plan.h"

/* Encodes and ranks all keys. -ENOMEM. */
int cfs_plan_keys(struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

/* The length of the value that a pair has in this node. */
uint32_t cfs_pair_value_len(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node);

/* Writes that value to p, which has room for it, and returns its end. */
uint8_t *cfs_pair_put_value(const struct cfs_plan *plan, cfs_pair pair,
			    const struct cfs_node *node, uint8_t *p);

#endif
