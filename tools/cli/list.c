/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A line of a listing. */
#include "cli/list.h"

#include "dump/dump.h"

static int list_file(struct cfs_out *out, const struct cfs_image *im,
		     const struct cfs_inode *inode, struct cfs_err *err)
{
	struct cfs_text backing;
	int rc = cfs_image_backing(im, inode, &backing, err);

	if (rc < 0 || backing.len == 0)
		return rc;
	cfs_out_text(out, CFS_TEXT("\t@ "));
	cfs_dump_escape(out, backing, CFS_DUMP_FIELD);
	return 0;
}

static int list_symlink(struct cfs_out *out, const struct cfs_inode *inode,
			struct cfs_err *err)
{
	struct cfs_text target;
	int rc = cfs_inode_target(inode, &target, err);

	if (rc < 0)
		return rc;
	cfs_out_text(out, CFS_TEXT("\t-> "));
	cfs_dump_escape(out, target, CFS_DUMP_FIELD);
	return 0;
}

int list_line(struct cfs_out *out, const struct cfs_image *im, struct cfs_text path,
	      const struct cfs_inode *inode, bool again, struct cfs_err *err)
{
	int rc = 0;

	cfs_dump_escape(out, path, CFS_DUMP_SPACES);
	if (S_ISDIR(inode->mode))
		cfs_out_text(out, CFS_TEXT("/\t"));
	else if (S_ISLNK(inode->mode) && !again)
		rc = list_symlink(out, inode, err);
	else if (S_ISREG(inode->mode) && !again)
		rc = list_file(out, im, inode, err);
	cfs_out_char(out, '\n');
	return rc;
}
