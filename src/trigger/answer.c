/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Decodes requests, and answers those that need no object. */
#include "trigger/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "fuse/wire.h"
#include "mount/recognize.h"

/* Numbers of directories: CFS_MOUNT_VERIFY_DIR or CFS_MOUNT_FETCH_DIR (NODE_FIND) and CFS_MOUNT_LAST_DIR below the
 * root, and in each one for each first byte of an ID. */
enum {
	NODE_FIND = 2,
	NODE_LAST = 3,
	NODE_FIND_DIRS = 256,
	NODE_LAST_DIRS = 512,
	NODE_DIRS_END = 768,
};

/* The attributes of a directory never change. */
#define FOREVER ((uint64_t)INT32_MAX)

/* Lookups in one directory must not wait for each other. */
#define WANTED                                                                           \
	((uint64_t)FUSE_ASYNC_READ | FUSE_PARALLEL_DIROPS | FUSE_NO_OPENDIR_SUPPORT |    \
	 FUSE_MAX_PAGES | FUSE_INIT_EXT)

/* A request. The function that answers it returns 0 and fills out: a body, or an effect that the caller carries out; or it
 * returns the error for the kernel. */
struct call {
	struct cfs_trigger_session *session;
	struct fuse_in_header head;
	struct cfs_span args; /* at least as long as the opcode demands */
	struct cfs_trigger_answer *out;
};

static void set_body(struct cfs_trigger_answer *out, const void *p, size_t len)
{
	memcpy(out->body, p, len);
	out->body_len = len;
}

static struct fuse_attr make_attr(uint64_t node, uint64_t size)
{
	bool is_dir = node < CFS_TRIGGER_FILES;

	return (struct fuse_attr){
		.ino = node,
		.size = size,
		.mode = is_dir ? S_IFDIR | 0555 : S_IFREG | 0444,
		.nlink = is_dir ? 2 : 1,
		.blksize = FUSE_WIRE_PAGE,
	};
}

/* --- bodies --------------------------------------------------------------------------- */

void cfs_trigger_put_absent(struct cfs_trigger_answer *out, bool may_remember)
{
	struct fuse_entry_out entry = {.entry_valid = may_remember ? FOREVER : 0};

	set_body(out, &entry, sizeof(entry));
}

void cfs_trigger_put_file(struct cfs_trigger_answer *out, uint64_t file, uint64_t size)
{
	struct fuse_entry_out entry = {.nodeid = CFS_TRIGGER_FILES + file};

	entry.attr = make_attr(entry.nodeid, size);
	set_body(out, &entry, sizeof(entry));
}

void cfs_trigger_put_attr(struct cfs_trigger_answer *out, uint64_t file, uint64_t size)
{
	struct fuse_attr_out attr = {.attr = make_attr(CFS_TRIGGER_FILES + file, size)};

	set_body(out, &attr, sizeof(attr));
}

void cfs_trigger_put_handle(struct cfs_trigger_answer *out, uint64_t handle)
{
	struct fuse_open_out open = {.fh = handle, .open_flags = FOPEN_KEEP_CACHE};

	set_body(out, &open, sizeof(open));
}

static void put_dir(struct cfs_trigger_answer *out, uint64_t node)
{
	struct fuse_entry_out entry = {
		.nodeid = node, .entry_valid = FOREVER, .attr_valid = FOREVER};

	entry.attr = make_attr(node, 0);
	set_body(out, &entry, sizeof(entry));
}

/* --- LOOKUP --------------------------------------------------------------------------- */

/* Parses lowercase hex digits: an object has one name. */
static bool parse_object_hex(struct cfs_text name, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < name.len; i++)
		if (name.s[i] >= 'A' && name.s[i] <= 'F')
			return false;
	return cfs_hex_decode(name, out, len);
}

static int find_in_root(struct call *c, struct cfs_text name)
{
	if (cfs_text_eq(name, CFS_TEXT(CFS_MOUNT_VERIFY_DIR)) ||
	    cfs_text_eq(name, CFS_TEXT(CFS_MOUNT_FETCH_DIR)))
		put_dir(c->out, NODE_FIND);
	else if (cfs_text_eq(name, CFS_TEXT(CFS_MOUNT_LAST_DIR)))
		put_dir(c->out, NODE_LAST);
	else
		cfs_trigger_put_absent(c->out, true);
	return 0;
}

/* What is not the name of an object cannot be verified, and must not lead to a file of the object directory. */
static int refuse_object_name(struct call *c, uint64_t dirs)
{
	if (dirs == NODE_LAST_DIRS)
		return -ENOENT;
	cfs_trigger_put_file(c->out, UINT32_MAX, 0);
	return 0;
}

static int find_prefix(struct call *c, struct cfs_text name, uint64_t dirs)
{
	uint8_t byte;

	if (!parse_object_hex(name, &byte, 1))
		return refuse_object_name(c, dirs);
	put_dir(c->out, dirs + byte);
	return 0;
}

static int find_named_object(struct call *c, struct cfs_text name, uint64_t dirs,
			     enum cfs_trigger_effect effect)
{
	struct cfs_digest *id = &c->out->id;
	size_t len = cfs_hash_len(c->session->alg);

	*id = (struct cfs_digest){.alg = c->session->alg};
	id->bytes[0] = (uint8_t)(c->head.nodeid - dirs);
	if (!parse_object_hex(name, id->bytes + 1, len - 1))
		return refuse_object_name(c, dirs);
	c->out->effect = effect;
	return 0;
}

/* The only question that fetches: overlayfs looks up an object when a file is opened.
 * The number of a node says which directory it is. */
static int answer_lookup(struct call *c)
{
	struct cfs_text name = cfs_span_text(c->args);
	uint64_t dir = c->head.nodeid;

	name.len = strnlen(name.s, name.len);
	if (name.len == c->args.len)
		return -EINVAL;
	if (dir == FUSE_ROOT_ID)
		return find_in_root(c, name);
	if (dir == NODE_FIND || dir == NODE_LAST)
		return find_prefix(c, name,
				   dir == NODE_FIND ? NODE_FIND_DIRS : NODE_LAST_DIRS);
	if (dir >= NODE_FIND_DIRS && dir < NODE_LAST_DIRS)
		return find_named_object(c, name, NODE_FIND_DIRS, CFS_TRIGGER_FIND);
	if (dir >= NODE_LAST_DIRS && dir < NODE_DIRS_END)
		return find_named_object(c, name, NODE_LAST_DIRS, CFS_TRIGGER_LAST);
	return -ENOTDIR;
}

/* --- other requests ------------------------------------------------------------------- */

/* Agrees with the kernel on version and features. An older major version gets -EPROTO;
 * a newer one gets ours, and the kernel asks again. */
static int answer_init(struct call *c)
{
	struct fuse_init_in in = {0};
	struct fuse_init_out out = {.major = FUSE_KERNEL_VERSION,
				    .minor = FUSE_WIRE_MINOR,
				    .max_background = 64,
				    .congestion_threshold = 48,
				    .max_write = FUSE_WIRE_PAGE,
				    .time_gran = 1};
	uint64_t flags;

	memcpy(&in, c->args.p, c->args.len < sizeof(in) ? c->args.len : sizeof(in));
	if (in.major < FUSE_KERNEL_VERSION ||
	    (in.major == FUSE_KERNEL_VERSION && in.minor < FUSE_WIRE_MINOR_MIN))
		return -EPROTO;
	if (in.major == FUSE_KERNEL_VERSION) {
		flags = WANTED &
			(in.flags |
			 (in.flags & FUSE_INIT_EXT ? (uint64_t)in.flags2 << 32 : 0));
		out.minor = in.minor < out.minor ? in.minor : out.minor;
		out.flags = (uint32_t)flags;
		out.flags2 = (uint32_t)(flags >> 32);
		out.max_pages = flags & FUSE_MAX_PAGES ? FUSE_WIRE_MAX_PAGES : 0;
		c->session->is_live = true;
	} /* otherwise the kernel asks again, with our version */
	set_body(c->out, &out, sizeof(out));
	return 0;
}

/* Is this the number of a file? */
static int get_file(struct call *c)
{
	if (c->head.nodeid < CFS_TRIGGER_FILES)
		return -EISDIR;
	c->out->file = c->head.nodeid - CFS_TRIGGER_FILES;
	return 0;
}

static int answer_getattr(struct call *c)
{
	struct fuse_attr_out out = {.attr_valid = FOREVER};

	if (get_file(c) == 0) {
		c->out->effect = CFS_TRIGGER_ATTR;
		return 0;
	}
	out.attr = make_attr(c->head.nodeid, 0);
	set_body(c->out, &out, sizeof(out));
	return 0;
}

static int answer_open(struct call *c)
{
	struct fuse_open_in in;

	memcpy(&in, c->args.p, sizeof(in));
	if ((in.flags & O_ACCMODE) != O_RDONLY)
		return -EROFS;
	c->out->effect = CFS_TRIGGER_OPEN;
	c->out->pid = c->head.pid;
	return get_file(c);
}

static int answer_read(struct call *c)
{
	struct fuse_read_in in;

	memcpy(&in, c->args.p, sizeof(in));
	if (in.fh == 0 || in.fh > INT_MAX || in.size > CFS_TRIGGER_READ_MAX ||
	    in.offset > INT64_MAX)
		return -EINVAL;
	c->out->effect = CFS_TRIGGER_READ;
	c->out->handle = in.fh;
	c->out->off = in.offset;
	c->out->size = in.size;
	return 0;
}

static int answer_release(struct call *c)
{
	struct fuse_release_in in;

	memcpy(&in, c->args.p, sizeof(in));
	if (in.fh == 0 || in.fh > INT_MAX)
		return -EINVAL;
	c->out->effect = CFS_TRIGGER_CLOSE;
	c->out->handle = in.fh;
	return 0;
}

static int answer_interrupt(struct call *c)
{
	struct fuse_interrupt_in in;

	memcpy(&in, c->args.p, sizeof(in));
	c->out->effect = CFS_TRIGGER_INTERRUPT;
	c->out->interrupted = in.unique;
	return 0;
}

static int answer_statfs(struct call *c)
{
	struct fuse_statfs_out out = {.st = {.bsize = FUSE_WIRE_PAGE,
					     .frsize = FUSE_WIRE_PAGE,
					     .namelen = 255}};

	set_body(c->out, &out, sizeof(out));
	return 0;
}

/* The node is in the header. */
static int answer_trigger_forget(struct call *c)
{
	struct fuse_forget_one one = {.nodeid = c->head.nodeid};

	memcpy(&one.nlookup, c->args.p, sizeof(one.nlookup));
	memcpy(c->out->body, &one, sizeof(one));
	c->out->effect = CFS_TRIGGER_FORGET;
	c->out->forgotten = (struct cfs_span){c->out->body, sizeof(one)};
	return 0;
}

static int answer_batch_forget(struct call *c)
{
	c->out->effect = CFS_TRIGGER_FORGET;
	(void)cfs_span_sub(c->args, sizeof(struct fuse_batch_forget_in),
			   c->args.len - sizeof(struct fuse_batch_forget_in),
			   &c->out->forgotten);
	return 0;
}

bool cfs_trigger_next_forgotten(struct cfs_span *forgotten, uint64_t *file,
				uint64_t *n_lookups)
{
	struct fuse_forget_one one;
	struct cfs_span head;

	while (cfs_span_sub(*forgotten, 0, sizeof(one), &head)) {
		memcpy(&one, head.p, sizeof(one));
		(void)cfs_span_sub(*forgotten, sizeof(one), forgotten->len - sizeof(one),
				   forgotten);
		if (one.nodeid < CFS_TRIGGER_FILES)
			continue;
		*file = one.nodeid - CFS_TRIGGER_FILES;
		*n_lookups = one.nlookup;
		return true;
	}
	return false;
}

static int answer_without_reply(struct call *c)
{
	(void)c;
	return 0;
}

static const struct operation {
	int (*answer)(struct call *c);
	uint16_t args_len; /* the least that must follow the header */
} operations[] = {
	[FUSE_INIT] = {answer_init, offsetof(struct fuse_init_in, flags) + 4},
	[FUSE_DESTROY] = {answer_without_reply, 0},
	[FUSE_LOOKUP] = {answer_lookup, 1},
	[FUSE_FORGET] = {answer_trigger_forget, sizeof(struct fuse_forget_in)},
	[FUSE_BATCH_FORGET] = {answer_batch_forget, sizeof(struct fuse_batch_forget_in)},
	[FUSE_GETATTR] = {answer_getattr, 0},
	[FUSE_STATFS] = {answer_statfs, 0},
	[FUSE_OPEN] = {answer_open, sizeof(struct fuse_open_in)},
	[FUSE_READ] = {answer_read, sizeof(struct fuse_read_in)},
	[FUSE_RELEASE] = {answer_release, sizeof(struct fuse_release_in)},
	[FUSE_INTERRUPT] = {answer_interrupt, sizeof(struct fuse_interrupt_in)},
};

/* Checks the request and calls the function of its row. What has no row is not
 * implemented, and the kernel does not ask again. */
static int run_trigger_operation(struct call *c)
{
	const struct operation *op =
		c->head.opcode < sizeof(operations) / sizeof(operations[0])
			? &operations[c->head.opcode]
			: NULL;

	if (!op || !op->answer)
		return -ENOSYS;
	if (c->args.len < op->args_len)
		return -EINVAL;
	if (!c->session->is_live && c->head.opcode != FUSE_INIT)
		return -EIO;
	return op->answer(c);
}

void cfs_trigger_answer(struct cfs_trigger_session *s, struct cfs_span request,
			struct cfs_trigger_answer *out)
{
	struct call c = {.session = s, .out = out};
	struct cfs_span head;
	int rc;

	*out = (struct cfs_trigger_answer){.effect = CFS_TRIGGER_SILENT};
	if (!cfs_span_sub(request, 0, sizeof(c.head), &head))
		return;
	memcpy(&c.head, head.p, sizeof(c.head));
	if (c.head.len != request.len ||
	    !cfs_span_sub(request, sizeof(c.head), request.len - sizeof(c.head), &c.args))
		return;
	out->effect = CFS_TRIGGER_REPLY;
	out->unique = c.head.unique;
	rc = run_trigger_operation(&c);
	if (rc < 0) {
		out->effect = CFS_TRIGGER_REPLY;
		out->error = rc;
		out->body_len = 0;
	}
}
