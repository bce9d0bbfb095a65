/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* entry_json: prints entries of an image as JSON, for all commands that list entries.
 * Owns:  the keys.
 * Uses:  base, erofs.
 * Never: decides which entries are printed.
 */
#ifndef CFS_TOOL_ENTRY_JSON_H
#define CFS_TOOL_ENTRY_JSON_H

#include "base/base.h"
#include "cli/json.h"
#include "erofs/erofs.h"

/* Prints an entry as an element of an array. */
int entry_put_json(struct json *j, const struct cfs_image *im, struct cfs_text path,
		   const struct cfs_inode *inode, struct cfs_err *err) CFS_MUST_CHECK;

/* Prints an array to standard output: for each path (ended by NULL; none: the root) its
 * entry and everything below it. The array is complete even after a failure. */
int entries_print_json(const struct cfs_image *im, char **paths,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
