/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The target of a symlink and the content of a small file. cfs_image_read_inode checked that both
 * lie inside the image, and bounded their sizes. */
#include "erofs/content.h"

#include <errno.h>

#include "base/input.h"
#include "erofs/image_priv.h"

int cfs_inode_read_target(const struct cfs_inode *inode, struct cfs_text *out,
			  struct cfs_err *err)
{
	struct cfs_span all = inode->tail.len ? inode->tail : inode->blocks;

	if (!S_ISLNK(inode->mode))
		return cfs_fail(err, EINVAL,
				"inode %" PRIu64 ": expected a symlink, got %s",
				inode->nid, cfs_input_get_type_name(inode->mode));
	if (memchr(all.p, '\0', all.len))
		return cfs_bad_inode(err, inode, "symlink target contains a NUL byte");
	*out = cfs_span_text(all);
	return 0;
}

struct cfs_span cfs_inode_read_content(const struct cfs_inode *inode, uint8_t *buf)
{
	if (inode->external || !S_ISREG(inode->mode))
		return (struct cfs_span){NULL, 0};
	if (!inode->tail.len)
		return inode->blocks;
	if (!inode->blocks.len)
		return inode->tail;
	memcpy(buf, inode->blocks.p, inode->blocks.len);
	memcpy(buf + inode->blocks.len, inode->tail.p, inode->tail.len);
	return (struct cfs_span){buf, inode->blocks.len + inode->tail.len};
}
