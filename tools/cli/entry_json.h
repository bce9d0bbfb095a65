/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* entry_json: an entry of an image as JSON, for all commands that list entries.
 * Owns:  the keys.
 * Uses:  base, composefs, erofs.
 * Never: decides what is listed.
 */
#ifndef CFS_TOOL_ENTRY_JSON_H
#define CFS_TOOL_ENTRY_JSON_H

#include "base/base.h"
#include "erofs/erofs.h"

/* Puts one element of an array to standard output. */
int entry_json(const struct cfs_image *im, struct cfs_text path,
	       const struct cfs_inode *inode, bool first,
	       struct cfs_err *err) CFS_MUST_CHECK;

/* Puts an array: for each path (ended by NULL; none: the root) the entry that it is, and all below it. It is closed
 * whatever happens. */
int entries_json(const struct cfs_image *im, char **paths,
		 struct cfs_err *err) CFS_MUST_CHECK;

#endif
