/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* READDIR and READDIRPLUS. A position is that of the reader, moved by the two for "." and "..", so it
 * needs no state. */
#include <errno.h>

#include "fuse/fuse_priv.h"

enum { AFTER_SELF = 1, AFTER_PARENT = 2 };

/* A reply that grows. */
struct listing {
	struct fuse_call *c;
	bool plus;
	uint32_t max; /* bytes that the kernel takes */
	size_t len;
};

/* Adds an entry. inode NULL: without attributes, so that the kernel asks for them by LOOKUP. Returns
 * false if it does not fit. */
static bool append_dirent(struct listing *l, struct cfs_text name, uint64_t ino,
			  uint32_t mode, const struct cfs_inode *inode, uint64_t off)
{
	size_t head = l->plus ? sizeof(struct fuse_entry_out) : 0;
	struct fuse_dirent entry = {.ino = ino,
				    .off = off,
				    .namelen = (uint32_t)name.len,
				    .type = mode >> 12};
	size_t len = FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + name.len);
	uint8_t *at = l->c->room->buf + l->len;
	struct fuse_entry_out attr = {0};

	if (len > l->max - l->len)
		return false;
	memset(at, 0, len);
	if (inode)
		fuse_put_entry(l->c->fs, inode, &attr);
	memcpy(at, &attr, head);
	memcpy(at + head, &entry, FUSE_NAME_OFFSET);
	memcpy(at + head + FUSE_NAME_OFFSET, name.s, name.len);
	l->len += len;
	return true;
}

/* "." and "..": the kernel knows their nodes, so these have no attributes. 1: both were
 * added. */
static int add_dots(struct listing *l, const struct cfs_inode *dir, uint64_t off)
{
	const struct cfs_image *im = l->c->fs->im;
	struct cfs_dirent parent;
	int rc = cfs_dir_find(im, dir, CFS_TEXT(".."), &parent, NULL);

	if (rc <= 0)
		return rc < 0 ? rc : -EUCLEAN;
	if (off < AFTER_SELF &&
	    !append_dirent(l, CFS_TEXT("."), fuse_get_node_id(im, dir->nid), S_IFDIR,
			   NULL, AFTER_SELF))
		return 0;
	return append_dirent(l, CFS_TEXT(".."), fuse_get_node_id(im, parent.nid), S_IFDIR,
			     NULL, AFTER_PARENT);
}

static const uint32_t modes[] = {
	[EROFS_FT_REG] = S_IFREG, [EROFS_FT_DIR] = S_IFDIR,  [EROFS_FT_CHR] = S_IFCHR,
	[EROFS_FT_BLK] = S_IFBLK, [EROFS_FT_FIFO] = S_IFIFO, [EROFS_FT_SOCK] = S_IFSOCK,
	[EROFS_FT_LNK] = S_IFLNK,
};

/* Adds an entry of the image: 1; 0 if it does not fit. A damaged inode does not hide the others: its own LOOKUP
 * fails. */
static int add_dirent(struct listing *l, const struct cfs_dirent *d, uint64_t off)
{
	const struct cfs_fuse_fs *fs = l->c->fs;
	struct cfs_inode inode;
	bool known = false;

	if (l->plus || d->file_type == EROFS_FT_CHR)
		known = cfs_dirent_read_inode(fs->im, d, &inode, NULL) == 0;
	if (known && fuse_is_hidden(fs, &inode))
		return 1;
	return append_dirent(l, d->name, fuse_get_node_id(fs->im, d->nid),
			     modes[d->file_type], known ? &inode : NULL, off);
}

/* Damage behind entries is reported when the kernel asks for the rest. */
static int add_dirents(struct listing *l, const struct cfs_inode *inode,
		       uint64_t position)
{
	struct cfs_dirent entry;
	struct cfs_dir dir;
	int rc = cfs_dir_open(l->c->fs->im, inode, &dir, NULL);

	if (rc == 0)
		rc = cfs_dir_seek(&dir, position, NULL);
	while (rc >= 0 && (rc = cfs_dir_next(&dir, &entry, NULL)) > 0) {
		rc = add_dirent(l, &entry, cfs_dir_tell(&dir) + AFTER_PARENT);
		if (rc == 0)
			return 0;
	}
	return l->len ? 0 : rc;
}

/* Fills the buffer of the kernel with as many entries as fit; the offset of the last one
 * is where the next call goes on. An empty body is the end. */
int fuse_answer_readdir(struct fuse_call *c)
{
	struct listing l = {.c = c, .plus = c->head.opcode == FUSE_READDIRPLUS};
	struct fuse_read_in in;
	struct cfs_inode inode;
	int rc = fuse_get_inode(c, &inode);

	memcpy(&in, c->args.p, sizeof(in));
	l.max = in.size < CFS_FUSE_BODY_MAX ? in.size : CFS_FUSE_BODY_MAX;
	if (rc == 0 && !S_ISDIR(inode.mode))
		rc = -ENOTDIR;
	if (rc < 0)
		return rc;
	rc = in.offset < AFTER_PARENT ? add_dots(&l, &inode, in.offset) : 1;
	if (rc > 0)
		rc = add_dirents(&l, &inode,
				 in.offset < AFTER_PARENT ? 0 : in.offset - AFTER_PARENT);
	if (rc < 0)
		return rc;
	fuse_set_body(c, l.len);
	return 0;
}

int fuse_answer_opendir(struct fuse_call *c)
{
	struct fuse_open_out out = {.open_flags = FOPEN_CACHE_DIR | FOPEN_KEEP_CACHE};

	/* The kernel then opens directories without asking, with the same flags. */
	if (c->session->flags & FUSE_NO_OPENDIR_SUPPORT)
		return -ENOSYS;
	fuse_copy_body(c, &out, sizeof(out));
	return 0;
}
