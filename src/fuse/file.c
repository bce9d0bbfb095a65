/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* OPEN, READ and RELEASE. A handle is the descriptor of an object, or 0 for a file whose content is in the
 * image, or cannot be read. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "fuse/fuse_priv.h"

/* The object of an external file. */
static int find_served_object(struct fuse_call *c, const struct cfs_inode *inode)
{
	struct cfs_spec_room *room = &c->room->spec;
	struct cfs_inode_spec spec;
	int rc = cfs_image_read_mounted_spec(c->fs->im, inode, room, &spec, NULL);

	if (rc < 0)
		return rc;
	if (spec.payload.len == 0 || spec.payload.len >= PATH_MAX)
		return -EIO;
	c->out->effect = CFS_FUSE_OPEN;
	c->out->path = spec.payload;
	c->out->object_size = inode->size;
	c->out->has_digest = spec.digest != NULL;
	c->out->digest.alg = room->alg;
	if (spec.digest)
		memcpy(c->out->digest.bytes, spec.digest, cfs_hash_len(room->alg));
	return 0;
}

/* Where objects are served by this program, the answer names the object to open; else
 * the file handle is not used. */
int fuse_answer_open(struct fuse_call *c)
{
	struct fuse_open_out out = {.open_flags = FOPEN_KEEP_CACHE};
	struct fuse_open_in in;
	struct cfs_inode inode;
	int rc = fuse_get_inode(c, &inode);

	memcpy(&in, c->args.p, sizeof(in));
	if (rc < 0)
		return rc;
	if ((in.flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	if (c->fs->view == CFS_FUSE_FILES && inode.external)
		return find_served_object(c, &inode);
	/* The kernel then opens all files without asking, with the same flags. */
	if (c->fs->view != CFS_FUSE_FILES && c->session->flags & FUSE_NO_OPEN_SUPPORT)
		return -ENOSYS;
	fuse_copy_body(c, &out, sizeof(out));
	return 0;
}

/* Content that lies in the image. The body borrows from the image or the room. Reading
 * beyond the end gives an empty body, as read(2) does. */
static int answer_inline_read(struct fuse_call *c, const struct fuse_read_in *in)
{
	struct cfs_inode inode;
	struct cfs_span content, part = {NULL, 0};
	int rc = fuse_get_inode(c, &inode);

	if (rc < 0)
		return rc;
	if (!S_ISREG(inode.mode) || inode.external)
		return -EIO;
	content = cfs_inode_read_content(&inode, c->room->buf);
	if (in->offset < content.len) {
		uint64_t left = content.len - in->offset;

		(void)cfs_span_sub(content, in->offset, in->size < left ? in->size : left,
				   &part);
	}
	c->out->body = part;
	return 0;
}

int fuse_answer_read(struct fuse_call *c)
{
	struct fuse_read_in in;
	struct cfs_inode inode;
	int rc;

	memcpy(&in, c->args.p, sizeof(in));
	if (in.fh == 0)
		return answer_inline_read(c, &in);
	if (in.fh > INT_MAX || in.size > CFS_FUSE_BODY_MAX || in.offset > INT64_MAX)
		return -EINVAL;
	if (c->fs->proofs) {
		rc = fuse_get_inode(c, &inode);
		if (rc == 0)
			rc = find_served_object(c, &inode);
		if (rc < 0)
			return rc;
	}
	c->out->effect = CFS_FUSE_READ;
	c->out->handle = in.fh;
	c->out->off = in.offset;
	c->out->size = in.size;
	return 0;
}

int fuse_answer_release(struct fuse_call *c)
{
	struct fuse_release_in in;

	memcpy(&in, c->args.p, sizeof(in));
	if (in.fh == 0)
		return 0;
	if (in.fh > INT_MAX)
		return -EINVAL;
	c->out->effect = CFS_FUSE_CLOSE;
	c->out->handle = in.fh;
	return 0;
}
