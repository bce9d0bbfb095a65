/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Nodes: their numbers, names and attributes. */
#include <errno.h>

#include "fuse/fuse_priv.h"

/* 0 means "no node" and 1 is the root, so other numbers begin at 2. */
enum { NODE_SHIFT = 2 };

uint64_t fuse_get_node_id(const struct cfs_image *im, uint64_t nid)
{
	return nid == im->root_nid ? FUSE_ROOT_ID : nid + NODE_SHIFT;
}

int fuse_get_inode(const struct fuse_call *c, struct cfs_inode *out)
{
	uint64_t id = c->head.nodeid;

	if (id == 0)
		return -ESTALE;
	return cfs_image_read_inode(
		c->fs->im, id == FUSE_ROOT_ID ? c->fs->im->root_nid : id - NODE_SHIFT,
		out, NULL);
}

bool fuse_is_hidden(const struct cfs_fuse_fs *fs, const struct cfs_inode *inode)
{
	return fs->view == CFS_FUSE_FILES && cfs_inode_is_hidden(fs->im, inode);
}

/* EROFS has one time for an inode: it is atime, mtime and ctime, as in the kernel's own
 * mount of the image. blocks counts units of 512 bytes. */
static void put_attr(const struct cfs_fuse_fs *fs, const struct cfs_inode *inode,
		     struct fuse_attr *out)
{
	uint64_t sec = (uint64_t)inode->mtime_sec;

	*out = (struct fuse_attr){
		.ino = fuse_get_node_id(fs->im, inode->nid),
		.size = inode->size,
		.blocks = inode->size / 512 + (inode->size % 512 > 0),
		.atime = sec,
		.mtime = sec,
		.ctime = sec,
		.atimensec = inode->mtime_nsec,
		.mtimensec = inode->mtime_nsec,
		.ctimensec = inode->mtime_nsec,
		.mode = inode->mode,
		.nlink = inode->nlink,
		.uid = inode->uid,
		.gid = inode->gid,
		.rdev = inode->rdev,
		.blksize = FUSE_WIRE_PAGE,
	};
}

void fuse_put_entry(const struct cfs_fuse_fs *fs, const struct cfs_inode *inode,
		    struct fuse_entry_out *out)
{
	*out = (struct fuse_entry_out){
		.nodeid = fuse_get_node_id(fs->im, inode->nid),
		.entry_valid = FUSE_FOREVER,
		.attr_valid = FUSE_FOREVER,
	};
	put_attr(fs, inode, &out->attr);
}

/* --- LOOKUP --------------------------------------------------------------------------- */

/* The inode of a name: 1, or 0 when there is none. "." may be asked of any inode, for NFS. */
static int find_inode(const struct fuse_call *c, struct cfs_text name,
		      struct cfs_inode *out)
{
	struct cfs_dirent entry;
	struct cfs_inode dir;
	int rc = fuse_get_inode(c, &dir);

	if (rc < 0)
		return rc;
	if (cfs_text_eq(name, CFS_TEXT("."))) {
		*out = dir;
		return 1;
	}
	rc = cfs_dir_find(c->fs->im, &dir, name, &entry, NULL);
	if (rc > 0)
		rc = cfs_dirent_read_inode(c->fs->im, &entry, out, NULL);
	else
		return rc;
	return rc < 0 ? rc : !fuse_is_hidden(c->fs, out);
}

/* A name that does not exist never will, and the kernel may keep that, too. */
int fuse_answer_lookup(struct fuse_call *c)
{
	struct cfs_text name = cfs_span_text(c->args);
	struct fuse_entry_out out = {.entry_valid = FUSE_FOREVER};
	struct cfs_inode inode;
	int rc;

	name.len = strnlen(name.s, name.len);
	if (name.len == c->args.len)
		return -EINVAL;
	rc = find_inode(c, name, &inode);
	if (rc < 0)
		return rc;
	if (rc > 0)
		fuse_put_entry(c->fs, &inode, &out);
	fuse_copy_body(c, &out, sizeof(out));
	return 0;
}

/* --- others ---------------------------------------------------------------------------- */

int fuse_answer_getattr(struct fuse_call *c)
{
	struct fuse_attr_out out = {.attr_valid = FUSE_FOREVER};
	struct cfs_inode inode;
	int rc = fuse_get_inode(c, &inode);

	if (rc < 0)
		return rc;
	put_attr(c->fs, &inode, &out.attr);
	fuse_copy_body(c, &out, sizeof(out));
	return 0;
}

int fuse_answer_readlink(struct fuse_call *c)
{
	struct cfs_inode inode;
	struct cfs_text target;
	int rc = fuse_get_inode(c, &inode);

	if (rc == 0)
		rc = cfs_inode_read_target(&inode, &target, NULL);
	if (rc == 0)
		c->out->body = cfs_text_span(target);
	return rc;
}

int fuse_answer_statfs(struct fuse_call *c)
{
	struct fuse_statfs_out out = {
		.st = {.blocks = c->fs->im->bytes.len / FUSE_WIRE_PAGE,
		       .files = c->fs->im->inos,
		       .bsize = FUSE_WIRE_PAGE,
		       .frsize = FUSE_WIRE_PAGE,
		       .namelen = CFS_NAME_MAX},
	};

	fuse_copy_body(c, &out, sizeof(out));
	return 0;
}
