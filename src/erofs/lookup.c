/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lookup of a path: one binary search in each directory on the way. */
#include "erofs/lookup.h"

#include <errno.h>

#include "erofs/dir.h"
#include "erofs/image_priv.h"

/* "." or "..". */
static bool is_dot(struct cfs_text name)
{
	return cfs_text_eq(name, CFS_TEXT(".")) || cfs_text_eq(name, CFS_TEXT(".."));
}

/* One step of a lookup: *inode is a directory, and becomes the inode of a name in it. */
static int lookup_name(const struct cfs_image *im, struct cfs_text name,
		       struct cfs_inode *inode, struct cfs_err *err)
{
	struct cfs_dirent entry;
	int rc = 0;

	if (!is_dot(name))
		rc = cfs_dir_find(im, inode, name, &entry, err);
	if (rc > 0)
		rc = cfs_dirent_read_inode(im, &entry, inode, err) ?: 1;
	if (rc < 0)
		return rc;
	if (rc == 0 || cfs_inode_is_hidden(im, inode))
		return cfs_fail(err, ENOENT, "no such file or directory in the image");
	return 0;
}

int cfs_image_lookup(const struct cfs_image *im, struct cfs_text path,
		     struct cfs_inode *out, struct cfs_err *err)
{
	int rc = cfs_image_read_inode(im, im->root_nid, out, err);

	while (rc == 0 && path.len) {
		const char *slash = memchr(path.s, '/', path.len);
		size_t len = slash ? (size_t)(slash - path.s) : path.len;
		size_t taken = slash ? len + 1 : len;

		if (len)
			rc = lookup_name(im, (struct cfs_text){path.s, len}, out, err);
		path.s += taken;
		path.len -= taken;
	}
	return rc;
}
