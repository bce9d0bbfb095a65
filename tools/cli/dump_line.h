/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump_line: entries of an image as lines of a dump, for all tools that print some.
 * Owns:  the way from an inode to its line, the walk over a part of an image.
 * Uses:  base, dump, erofs.
 * Never: decides what is printed.
 */
#ifndef CFS_TOOL_DUMP_LINE_H
#define CFS_TOOL_DUMP_LINE_H

#include "base/base.h"
#include "erofs/erofs.h"

int dump_line(struct cfs_out *out, const struct cfs_image *im,
	      const struct cfs_walk_entry *e, struct cfs_spec_room *room,
	      struct cfs_err *err) CFS_MUST_CHECK;

/* The entry at path (empty: the root) and all below it. -ENOENT, -ENOTDIR: no such path. */
int dump_below(struct cfs_out *out, const struct cfs_image *im, const char *path,
	       struct cfs_err *err) CFS_MUST_CHECK;

#endif
