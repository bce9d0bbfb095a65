/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Decodes requests, and finds the function that answers each. */
#include <errno.h>

#include "fuse/fuse_priv.h"

int cfs_fuse_room_init(struct cfs_fuse_room *room, struct cfs_err *err)
{
	*room = (struct cfs_fuse_room){.buf = cfs_page_alloc(CFS_FUSE_BODY_MAX)};
	return room->buf ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

void cfs_fuse_room_fini(struct cfs_fuse_room *room)
{
	cfs_spec_room_fini(&room->spec);
	free(room->buf);
	*room = (struct cfs_fuse_room){0};
}

void fuse_set_body(struct fuse_call *c, size_t len)
{
	c->out->body = (struct cfs_span){c->room->buf, len};
}

void fuse_copy_body(struct fuse_call *c, const void *p, size_t len)
{
	memcpy(c->room->buf, p, len);
	fuse_set_body(c, len);
}

/* Nothing is kept for a node, so there is nothing to forget. */
static int forget_inodes(struct fuse_call *c)
{
	c->out->effect = CFS_FUSE_SILENT;
	return 0;
}

static int accept_request(struct fuse_call *c)
{
	(void)c;
	return 0;
}

/* The kernel rarely sends these: the mount is read-only. */
static int answer_read_only(struct fuse_call *c)
{
	(void)c;
	return -EROFS;
}

struct operation {
	int (*answer)(struct fuse_call *c);
	uint16_t args_len; /* the least that must follow the header */
};

/* Opcodes that are not here are answered with ENOSYS. For some of them that is an agreement: the kernel does not send
 * ACCESS (permissions are checked by the kernel), FLUSH, INTERRUPT (an answer never waits for long), LSEEK,
 * IOCTL and STATX again, and does without. */
static const struct operation operations[] = {
	[FUSE_INIT] = {fuse_answer_init, offsetof(struct fuse_init_in, flags) + 4},
	[FUSE_DESTROY] = {accept_request, 0},
	[FUSE_LOOKUP] = {fuse_answer_lookup, 1},
	[FUSE_FORGET] = {forget_inodes, 0},
	[FUSE_BATCH_FORGET] = {forget_inodes, 0},
	[FUSE_GETATTR] = {fuse_answer_getattr, 0},
	[FUSE_READLINK] = {fuse_answer_readlink, 0},
	[FUSE_STATFS] = {fuse_answer_statfs, 0},
	[FUSE_OPEN] = {fuse_answer_open, sizeof(struct fuse_open_in)},
	[FUSE_READ] = {fuse_answer_read, sizeof(struct fuse_read_in)},
	[FUSE_RELEASE] = {fuse_answer_release, sizeof(struct fuse_release_in)},
	[FUSE_OPENDIR] = {fuse_answer_opendir, sizeof(struct fuse_open_in)},
	[FUSE_READDIR] = {fuse_answer_readdir, sizeof(struct fuse_read_in)},
	[FUSE_READDIRPLUS] = {fuse_answer_readdir, sizeof(struct fuse_read_in)},
	[FUSE_RELEASEDIR] = {accept_request, 0},
	[FUSE_GETXATTR] = {fuse_answer_getxattr, sizeof(struct fuse_getxattr_in) + 1},
	[FUSE_LISTXATTR] = {fuse_answer_listxattr, sizeof(struct fuse_getxattr_in)},
	[FUSE_SETATTR] = {answer_read_only, 0},
	[FUSE_SYMLINK] = {answer_read_only, 0},
	[FUSE_MKNOD] = {answer_read_only, 0},
	[FUSE_MKDIR] = {answer_read_only, 0},
	[FUSE_UNLINK] = {answer_read_only, 0},
	[FUSE_RMDIR] = {answer_read_only, 0},
	[FUSE_RENAME] = {answer_read_only, 0},
	[FUSE_RENAME2] = {answer_read_only, 0},
	[FUSE_LINK] = {answer_read_only, 0},
	[FUSE_WRITE] = {answer_read_only, 0},
	[FUSE_SETXATTR] = {answer_read_only, 0},
	[FUSE_REMOVEXATTR] = {answer_read_only, 0},
	[FUSE_CREATE] = {answer_read_only, 0},
	[FUSE_FALLOCATE] = {answer_read_only, 0},
	[FUSE_TMPFILE] = {answer_read_only, 0},
};

static const struct operation *find_operation(uint32_t opcode)
{
	const size_t n = sizeof(operations) / sizeof(operations[0]);

	return opcode < n && operations[opcode].answer ? &operations[opcode] : NULL;
}

static int run_fuse_operation(struct fuse_call *c)
{
	const struct operation *op = find_operation(c->head.opcode);

	if (!op)
		return -ENOSYS;
	if (c->args.len < op->args_len)
		return -EINVAL;
	if (!c->session->is_live && c->head.opcode != FUSE_INIT)
		return -EIO;
	return op->answer(c);
}

/* The kernel knows no EUCLEAN of FUSE. */
static int translate_error(int rc)
{
	return rc == -EUCLEAN ? -EIO : rc;
}

/* Pure: bytes of a request to an answer that another function sends. A request that is
 * too short to have a number gets no reply. */
void cfs_fuse_answer(struct cfs_fuse_session *s, struct cfs_span request,
		     struct cfs_fuse_room *room, struct cfs_fuse_answer *out)
{
	struct fuse_call c = {.session = s, .fs = s->fs, .room = room, .out = out};
	struct cfs_span head;
	int rc;

	*out = (struct cfs_fuse_answer){.effect = CFS_FUSE_SILENT};
	if (!cfs_span_sub(request, 0, sizeof(c.head), &head))
		return;
	memcpy(&c.head, head.p, sizeof(c.head));
	if (c.head.len != request.len ||
	    !cfs_span_sub(request, sizeof(c.head), request.len - sizeof(c.head), &c.args))
		return;
	out->effect = CFS_FUSE_REPLY;
	out->unique = c.head.unique;
	rc = run_fuse_operation(&c);
	if (rc < 0) {
		out->effect = CFS_FUSE_REPLY;
		out->error = translate_error(rc);
		out->body = (struct cfs_span){NULL, 0};
	}
}
