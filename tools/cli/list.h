/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* list: prints one name of an image as a line, for all tools that list.
 * Owns:  the format of the line: path, then "/" for a directory, "-> target" for a
 *        symlink, "@ object" for a file with an object.
 * Uses:  base, dump (escapes), erofs.
 * Never: decides which names are printed.
 */
#ifndef CFS_TOOL_LIST_H
#define CFS_TOOL_LIST_H

#include "base/base.h"
#include "erofs/erofs.h"

/* again: the inode was listed under another name, so only the path is printed. */
int list_put_line(struct cfs_out *out, const struct cfs_image *im, struct cfs_text path,
		  const struct cfs_inode *inode, bool again,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* The path alone, with "/" behind that of a directory. */
void list_put_name(struct cfs_out *out, struct cfs_text path,
		   const struct cfs_inode *inode);

/* The same as "ls -l" has it: mode, links, owner, group, size or device number, local time, path, "-> target". */
int list_long(struct cfs_out *out, struct cfs_text path, const struct cfs_inode *inode,
	      struct cfs_err *err) CFS_MUST_CHECK;

#endif
