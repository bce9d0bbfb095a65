/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_FUSE_PRIV_H
#define CFS_FUSE_PRIV_H

#include "erofs/erofs.h"
#include "fuse/answer.h"
#include "fuse/wire.h"

/* A request under way. Functions that answer one return 0 or -errno; after an error the body is not
 * sent. */
struct fuse_call {
	struct cfs_fuse_session *session;
	const struct cfs_fuse_fs *fs;
	struct fuse_in_header head;
	struct cfs_span args; /* at least as long as the opcode demands */
	struct cfs_fuse_room *room;
	struct cfs_fuse_answer *out;
};

/* The image never changes, so the kernel may keep what it was told: 68 years. */
#define FUSE_FOREVER ((uint64_t)INT32_MAX)

/* node.c: the number of a node, and back. The root is FUSE_ROOT_ID. */
uint64_t fuse_get_node_id(const struct cfs_image *im, uint64_t nid);
int fuse_get_inode(const struct fuse_call *c, struct cfs_inode *out) CFS_MUST_CHECK;
void fuse_put_entry(const struct cfs_fuse_fs *fs, const struct cfs_inode *inode,
		    struct fuse_entry_out *out);
/* Whether the view leaves out an inode: 1 or 0. */
bool fuse_is_hidden(const struct cfs_fuse_fs *fs, const struct cfs_inode *inode);

/* Makes the first len bytes of the room the body. */
void fuse_set_body(struct fuse_call *c, size_t len);
/* Makes a copy of a struct the body. */
void fuse_copy_body(struct fuse_call *c, const void *p, size_t len);

/* Each answers one kind of request: reads c->args, which have at least the length of the
 * table in answer.c, and fills c->out. Returns 0, or the negative errno of the reply. */
int fuse_answer_init(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_lookup(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_getattr(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_readlink(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_statfs(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_open(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_read(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_release(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_opendir(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_readdir(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_getxattr(struct fuse_call *c) CFS_MUST_CHECK;
int fuse_answer_listxattr(struct fuse_call *c) CFS_MUST_CHECK;

/* isolate.c: moves the calling thread into a mount namespace whose root is an empty directory. Needs
 * CAP_SYS_ADMIN in its user namespace, and /proc. */
int fuse_leave_mounts(struct cfs_err *err) CFS_MUST_CHECK;

/* object.c: the effects. Opens a regular file of an object directory, never waiting: a descriptor or
 * -errno. */
int fuse_open_object(const struct cfs_fuse_fs *fs,
		     const struct cfs_fuse_answer *what) CFS_MUST_CHECK;

#endif
