/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* remarks: warnings about a tree that is about to become an image.
 * Owns:  what is worth one, the sentences.
 * Uses:  base (watch), erofs, profile, tree.
 * Never: does a command's work.
 */
#ifndef CFS_REMARKS_H
#define CFS_REMARKS_H

#include "base/base.h"
#include "tree/tree.h"

/* Warns of xattrs that no mount shows, each by name, and of directories whose deletions the image loses. Of a tree as
 * the image will have it. -ENOMEM. */
int remarks_warn(const struct cfs_watch *watch, const struct cfs_tree *tree,
		 struct cfs_err *err) CFS_MUST_CHECK;

#endif
