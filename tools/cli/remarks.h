/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* remarks: warnings about a tree before it becomes an image.
 * Owns:  the conditions and texts of the warnings.
 * Uses:  base (watch), erofs, profile, tree.
 * Never: does the work of a command.
 */
#ifndef CFS_REMARKS_H
#define CFS_REMARKS_H

#include "base/base.h"
#include "tree/tree.h"

/* Warns about xattrs that no mount shows, once per name, and about directories whose
 * deletions the image loses. tree: as the image will contain it. -ENOMEM. */
int remarks_print_warnings(const struct cfs_watch *watch, const struct cfs_tree *tree,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
