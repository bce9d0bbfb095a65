/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* dump_line: prints entries of an image as lines of a dump.
 * Owns:  the conversion of an inode to a line, the walk over a part of an image.
 * Uses:  base, dump, erofs.
 * Never: decides which entries are printed.
 */
#ifndef CFS_TOOL_DUMP_LINE_H
#define CFS_TOOL_DUMP_LINE_H

#include "base/base.h"
#include "erofs/erofs.h"

/* Prints the line of an entry. room is scratch memory of the caller, for all entries.
 * -EUCLEAN: the inode is damaged. */
int dump_put_entry(struct cfs_out *out, const struct cfs_image *im,
		   const struct cfs_walk_entry *e, struct cfs_spec_room *room,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Prints the entry at path (empty: the root) and everything below it. -ENOENT, -ENOTDIR:
 * no such path. */
int dump_put_below(struct cfs_out *out, const struct cfs_image *im, const char *path,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Writes all entries of the image with these bytes to standard output. */
int dump_print_image(struct cfs_span bytes, struct cfs_err *err) CFS_MUST_CHECK;

#endif
