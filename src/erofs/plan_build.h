/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Builds a plan: from a tree to every size and position of its image. */
#ifndef CFS_EROFS_PLAN_BUILD_H
#define CFS_EROFS_PLAN_BUILD_H

#include "erofs/plan.h"

/* Whether the smallest mtime is the given one only when seconds are compared without sign, see
 * cfs_image_opts.unsigned_times. */
bool cfs_plan_has_unsigned_times(const struct cfs_tree *tree, int64_t build_sec,
				 uint32_t build_nsec);

#endif
