/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Requests to the FUSE server. An input is the view (a byte), the length of an image (4 bytes, little endian), the image,
 * then requests: each the length of what follows (4 bytes), and that. A second pass sends each opcode for
 * each node that the image names. */
#include "fuzz.h"

#include <errno.h>
#include <linux/fuse.h>

#include "erofs/erofs.h"
#include "fuse/fuse.h"

enum { VIEWS = 3, NAMES_MAX = 64 };

struct target {
	struct cfs_fuse_session session;
	struct cfs_fuse_room room;
	struct cfs_fuse_answer answer;
};

static void check_fuse_answer(const struct cfs_fuse_answer *a)
{
	fuzz_hold(a->error <= 0 && a->error > -512 && a->error != -EUCLEAN);
	fuzz_hold(a->body.len <= CFS_FUSE_BODY_MAX);
	fuzz_hold(a->error == 0 || (a->body.len == 0 && a->effect == CFS_FUSE_REPLY));
	if (a->effect == CFS_FUSE_READ)
		fuzz_hold(a->size <= CFS_FUSE_BODY_MAX && a->handle > 0);
	if (a->effect == CFS_FUSE_OPEN)
		fuzz_hold(a->path.len > 0 && a->path.len < 4096);
}

static void send_bytes(struct target *t, struct cfs_span request)
{
	cfs_fuse_answer(&t->session, request, &t->room, &t->answer);
	check_fuse_answer(&t->answer);
}

static int send_fuse_request(struct target *t, uint32_t opcode, uint64_t node,
			     const void *args, size_t len)
{
	struct fuse_in_header head = {
		.len = (uint32_t)(sizeof(head) + len), .opcode = opcode, .nodeid = node};
	uint8_t request[sizeof(head) + 512];

	memcpy(request, &head, sizeof(head));
	memcpy(request + sizeof(head), args, len);
	send_bytes(t, (struct cfs_span){request, head.len});
	return t->answer.error;
}

static void send_init(struct target *t)
{
	struct fuse_init_in in = {.major = 7, .minor = 45, .flags = UINT32_MAX};

	fuzz_hold(send_fuse_request(t, FUSE_INIT, 0, &in, sizeof(in)) == 0);
}

/* All that may be asked of a node. */
static void ask_everything(struct target *t, uint64_t node)
{
	uint8_t zeros[512] = {0};
	struct fuse_getxattr_in size = {.size = 65536};
	struct fuse_read_in read = {.size = 4096};
	uint8_t xattr[sizeof(size) + 32];

	memcpy(xattr, &size, sizeof(size));
	strcpy((char *)xattr + sizeof(size), "user.overlay.metacopy");
	send_fuse_request(t, FUSE_GETATTR, node, zeros, sizeof(struct fuse_getattr_in));
	send_fuse_request(t, FUSE_READLINK, node, zeros, 0);
	send_fuse_request(t, FUSE_OPEN, node, zeros, sizeof(struct fuse_open_in));
	send_fuse_request(t, FUSE_READ, node, &read, sizeof(read));
	send_fuse_request(t, FUSE_LISTXATTR, node, &size, sizeof(size));
	send_fuse_request(t, FUSE_GETXATTR, node, xattr, sizeof(xattr));
	send_fuse_request(t, FUSE_LOOKUP, node, "..", 3);
}

/* Of each entry that READDIRPLUS lists with a node, LOOKUP says the same, and its attributes can be had. */
static void check_listed(struct target *t, uint64_t dir, const uint8_t *at)
{
	struct fuse_entry_out listed, found;
	struct fuse_dirent d;
	char name[256] = "";

	memcpy(&listed, at, sizeof(listed));
	memcpy(&d, at + sizeof(listed), FUSE_NAME_OFFSET);
	fuzz_hold(d.namelen > 0 && d.namelen < sizeof(name));
	memcpy(name, at + sizeof(listed) + FUSE_NAME_OFFSET, d.namelen);
	if (listed.nodeid == 0)
		return;
	ask_everything(t, listed.nodeid);
	/* A search may meet damage that reading in order did not. */
	if (send_fuse_request(t, FUSE_LOOKUP, dir, name, d.namelen + 1) < 0)
		return;
	memcpy(&found, t->answer.body.p, sizeof(found));
	fuzz_hold(found.nodeid == listed.nodeid || found.nodeid == 0);
}

/* Reads the root directory to its end. Offsets must grow, so that a reader cannot
 * loop, and each entry must fill its place exactly. */
static void list_root(struct target *t)
{
	struct fuse_read_in in = {.size = 4096};
	uint64_t off = 0;
	uint8_t copy[4096];

	for (unsigned n = 0; n < NAMES_MAX; n++) {
		size_t len, at = 0;
		struct fuse_dirent d;

		in.offset = off;
		if (send_fuse_request(t, FUSE_READDIRPLUS, FUSE_ROOT_ID, &in,
				      sizeof(in)) < 0 ||
		    t->answer.body.len == 0)
			return;
		len = t->answer.body.len;
		fuzz_hold(len <= sizeof(copy));
		memcpy(copy, t->answer.body.p, len);
		while (at < len) {
			memcpy(&d, copy + at + sizeof(struct fuse_entry_out),
			       FUSE_NAME_OFFSET);
			check_listed(t, FUSE_ROOT_ID, copy + at);
			fuzz_hold(d.off > off);
			off = d.off;
			at += FUSE_DIRENT_ALIGN(sizeof(struct fuse_entry_out) +
						FUSE_NAME_OFFSET + d.namelen);
		}
		fuzz_hold(at == len);
	}
}

/* A part of the input with its length in front. */
static bool take_input_part(struct cfs_span *rest, struct cfs_span *out)
{
	struct cfs_span head;

	if (!cfs_span_sub(*rest, 0, 4, &head) ||
	    !cfs_span_sub(*rest, 4, cfs_le32(head.p), out))
		return false;
	return cfs_span_sub(*rest, 4 + out->len, rest->len - 4 - out->len, rest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_span rest = {data, len}, view, bytes, request;
	struct cfs_fuse_fs fs = {0};
	struct target t = {.session = {.fs = &fs}};
	struct cfs_image im;

	if (!cfs_span_sub(rest, 0, 1, &view) || !cfs_span_sub(rest, 1, len - 1, &rest) ||
	    !take_input_part(&rest, &bytes) || cfs_image_open(bytes, &im, NULL) < 0)
		return 0;
	fs.im = &im;
	fs.view = (enum cfs_fuse_view)(view.p[0] % VIEWS);
	fuzz_hold(cfs_fuse_room_init(&t.room, NULL) == 0);
	while (take_input_part(&rest, &request))
		send_bytes(&t, request);
	t.session = (struct cfs_fuse_session){.fs = &fs};
	send_init(&t);
	ask_everything(&t, FUSE_ROOT_ID);
	list_root(&t);
	cfs_fuse_room_fini(&t.room);
	return 0;
}
