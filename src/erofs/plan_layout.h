/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The position of every inode and block. */
#ifndef CFS_EROFS_PLAN_LAYOUT_H
#define CFS_EROFS_PLAN_LAYOUT_H

#include "erofs/plan.h"

/* The chunks of a file outside the image: the size of one as a power of two, and their number.
 * size > 0. */
uint32_t cfs_chunk_choose_bits(uint64_t size);
uint32_t cfs_chunk_compute_count(uint64_t size);

/* Places every inode and block. Needs keys, directories and shared xattrs. -ENOMEM, -ERANGE the
 * xattrs of one inode, or as cfs_plan_check_size. */
int cfs_plan_layout(struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

/* -EFBIG: the image is too large for the fields of the format. */
int cfs_plan_check_size(const struct cfs_plan *plan, struct cfs_err *err) CFS_MUST_CHECK;

#endif
