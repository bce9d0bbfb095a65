/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse: requests of a kernel and their answers, without a mount. */
#include "t.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/stat.h>

#include "erofs/erofs.h"
#include "fuse/fuse.h"
#include "golden.h"

/* A mounted image, and the last answer. */
static struct {
	uint8_t *bytes;
	struct cfs_image im;
	struct cfs_fuse_fs fs;
	struct cfs_fuse_session session;
	struct cfs_fuse_room room;
	struct cfs_fuse_answer answer;
} m;

/* Sends a request: its header, then args. */
static int ask(uint32_t opcode, uint64_t node, const void *args, size_t len)
{
	struct fuse_in_header head = {.len = (uint32_t)(sizeof(head) + len),
				      .opcode = opcode,
				      .unique = 7,
				      .nodeid = node};
	uint8_t *request = malloc(head.len);

	memcpy(request, &head, sizeof(head));
	if (len)
		memcpy(request + sizeof(head), args, len);
	cfs_fuse_answer(&m.session, (struct cfs_span){request, head.len}, &m.room,
			&m.answer);
	free(request);
	return m.answer.error;
}

static int ask_init(uint32_t minor, uint64_t offered)
{
	struct fuse_init_in in = {.major = 7,
				  .minor = minor,
				  .max_readahead = 131072,
				  .flags = (uint32_t)offered,
				  .flags2 = (uint32_t)(offered >> 32)};

	return ask(FUSE_INIT, 0, &in, sizeof(in));
}

static void mount_image(const char *name, enum cfs_fuse_view view)
{
	size_t len;

	free(m.bytes);
	cfs_fuse_room_fini(&m.room);
	m.bytes = t_golden(name, &len);
	t_eq(cfs_image_open((struct cfs_span){m.bytes, len}, &m.im, NULL), 0);
	m.fs = (struct cfs_fuse_fs){.im = &m.im, .view = view};
	m.session = (struct cfs_fuse_session){.fs = &m.fs};
	t_eq(cfs_fuse_room_init(&m.room, NULL), 0);
}

static void mount_live(const char *name, enum cfs_fuse_view view)
{
	mount_image(name, view);
	t_eq(ask_init(45, UINT64_MAX), 0);
}

static void get_body(void *out, size_t len)
{
	t_eq(m.answer.body.len, len);
	memcpy(out, m.answer.body.p, len);
}

#define BODY(type)                                                                       \
	({                                                                               \
		type body_;                                                              \
		get_body(&body_, sizeof(body_));                                         \
		body_;                                                                   \
	})

static uint64_t lookup(uint64_t dir, const char *name)
{
	t_eq(ask(FUSE_LOOKUP, dir, name, strlen(name) + 1), 0);
	return BODY(struct fuse_entry_out).nodeid;
}

static int ask_read(uint32_t opcode, uint64_t node, uint64_t handle, uint64_t off,
		    uint32_t size)
{
	struct fuse_read_in in = {.fh = handle, .offset = off, .size = size};

	return ask(opcode, node, &in, sizeof(in));
}

static int ask_open(uint64_t node, uint32_t flags)
{
	struct fuse_open_in in = {.flags = flags};

	return ask(FUSE_OPEN, node, &in, sizeof(in));
}

static int ask_getxattr(uint64_t node, const char *key, uint32_t size)
{
	struct fuse_getxattr_in in = {.size = size};
	uint8_t args[sizeof(in) + 256];

	memcpy(args, &in, sizeof(in));
	strcpy((char *)args + sizeof(in), key);
	return ask(FUSE_GETXATTR, node, args, sizeof(in) + strlen(key) + 1);
}

/* The names of all xattrs, each followed by a space. */
static const char *list_xattrs(uint64_t node)
{
	static char text[4096];
	struct fuse_getxattr_in in = {.size = sizeof(text) - 1};

	t_eq(ask(FUSE_LISTXATTR, node, &in, sizeof(in)), 0);
	for (size_t i = 0; i < m.answer.body.len; i++)
		text[i] = m.answer.body.p[i] ? (char)m.answer.body.p[i] : ' ';
	text[m.answer.body.len] = '\0';
	return text;
}

/* --- the session ---------------------------------------------------------------------- */

T(init_uses_only_flags_that_the_kernel_offers)
{
	struct fuse_init_out out;

	mount_image("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_init(45, FUSE_PARALLEL_DIROPS | FUSE_WRITEBACK_CACHE), 0);
	out = BODY(struct fuse_init_out);
	t_eq(out.flags, FUSE_PARALLEL_DIROPS);
	t_eq(out.max_pages, 0);
	t_eq(out.major, 7);
	t_ok(out.minor <= 45);
}

T(init_never_lets_the_kernel_ask_for_entries_and_attributes_in_turn)
{
	struct fuse_init_out out;

	mount_image("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_init(45, UINT64_MAX), 0);
	out = BODY(struct fuse_init_out);
	t_ok(out.flags & FUSE_DO_READDIRPLUS);
	t_ok(!(out.flags & FUSE_READDIRPLUS_AUTO));
}

T(init_enables_acls_only_of_an_image_that_has_some)
{
	mount_image("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_init(45, UINT64_MAX), 0);
	t_ok(!(m.session.flags & FUSE_POSIX_ACL));
	mount_image("acl-file.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_init(45, UINT64_MAX), 0);
	t_ok(m.session.flags & FUSE_POSIX_ACL);
	mount_image("acl-file.v1.cfs", CFS_FUSE_FILES);
	m.fs.no_acl = true;
	t_eq(ask_init(45, UINT64_MAX), 0);
	t_ok(!(m.session.flags & FUSE_POSIX_ACL));
}

T(init_refuses_a_kernel_that_is_too_old)
{
	mount_image("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_init(30, UINT64_MAX), -EPROTO);
	t_ok(!m.session.is_live);
}

T(requests_before_init_fail)
{
	mount_image("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_GETATTR, FUSE_ROOT_ID, NULL, 0), -EIO);
}

T(bytes_that_are_no_request_get_no_reply)
{
	struct fuse_in_header head = {.len = sizeof(head) + 1, .opcode = FUSE_STATFS};

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	for (size_t len = 0; len <= sizeof(head); len++) {
		uint8_t *copy = malloc(len + 1);

		memcpy(copy, &head, len);
		cfs_fuse_answer(&m.session, (struct cfs_span){copy, len}, &m.room,
				&m.answer);
		free(copy);
		t_eq(m.answer.effect, CFS_FUSE_SILENT);
	}
}

T(requests_that_are_cut_off_fail)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_READ, FUSE_ROOT_ID, "1234567", 7), -EINVAL);
	t_eq(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "f", 1), -EINVAL);
	t_eq(ask(FUSE_GETXATTR, FUSE_ROOT_ID, "12345678k", 9), -EINVAL);
}

T(forget_has_no_reply)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_FORGET, 9, "12345678", 8), 0);
	t_eq(m.answer.effect, CFS_FUSE_SILENT);
	t_eq(ask(FUSE_BATCH_FORGET, 0, NULL, 0), 0);
	t_eq(m.answer.effect, CFS_FUSE_SILENT);
}

T(changes_fail_with_erofs_and_unknown_requests_with_enosys)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_UNLINK, FUSE_ROOT_ID, "f", 2), -EROFS);
	t_eq(ask(FUSE_SETATTR, FUSE_ROOT_ID, NULL, 0), -EROFS);
	t_eq(ask(FUSE_IOCTL, FUSE_ROOT_ID, NULL, 0), -ENOSYS);
	t_eq(ask(FUSE_INTERRUPT, 0, "12345678", 8), -ENOSYS);
	t_eq(ask(99999, 0, NULL, 0), -ENOSYS);
	t_eq(m.answer.unique, 7);
}

/* --- nodes ----------------------------------------------------------------------------- */

T(lookup_finds_a_name_and_says_what_stat_says)
{
	struct fuse_entry_out out;

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "f", 2), 0);
	out = BODY(struct fuse_entry_out);
	t_eq(out.attr.mode, S_IFREG | 0644);
	t_eq(out.attr.size, 10);
	t_eq(out.attr.uid, 1000);
	t_eq(out.attr.gid, 100);
	t_eq(out.attr.mtime, 1);
	t_eq(out.attr.mtimensec, 5);
	t_eq(out.attr.ino, out.nodeid);
	t_eq(out.entry_valid, INT32_MAX);
	t_eq(out.attr_valid, INT32_MAX);
}

T(lookup_of_a_missing_name_may_be_remembered)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(lookup(FUSE_ROOT_ID, "missing"), 0);
	t_eq(BODY(struct fuse_entry_out).entry_valid, INT32_MAX);
}

T(lookup_of_dots_finds_the_inode_and_its_parent)
{
	uint64_t d;

	mount_live("whiteout.v1.cfs", CFS_FUSE_FILES);
	d = lookup(FUSE_ROOT_ID, "d");
	t_eq(lookup(d, "."), d);
	t_eq(lookup(d, ".."), FUSE_ROOT_ID);
}

T(lookup_below_a_file_fails)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_LOOKUP, lookup(FUSE_ROOT_ID, "f"), "x", 2), -ENOTDIR);
}

T(node_that_no_inode_has_is_eio_and_zero_is_estale)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_GETATTR, UINT64_MAX, NULL, 0), -EIO);
	t_eq(ask(FUSE_GETATTR, UINT64_C(1) << 59, NULL, 0), -EIO);
	t_eq(ask(FUSE_GETATTR, 2, NULL, 0), -EIO);
	t_eq(ask(FUSE_GETATTR, 0, NULL, 0), -ESTALE);
}

T(readlink_returns_the_target_and_refuses_others)
{
	mount_live("escape-overlay.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_READLINK, lookup(FUSE_ROOT_ID, "l"), NULL, 0), 0);
	t_eq(m.answer.body.len, 1);
	t_mem(m.answer.body.p, "x", 1);
	t_eq(ask(FUSE_READLINK, FUSE_ROOT_ID, NULL, 0), -EINVAL);
}

T(statfs_says_how_many_inodes_there_are)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_STATFS, FUSE_ROOT_ID, NULL, 0), 0);
	t_eq(BODY(struct fuse_statfs_out).st.files, m.im.inos);
	t_eq(BODY(struct fuse_statfs_out).st.namelen, 255);
}

/* --- directories ----------------------------------------------------------------------- */

/* Lists a directory with replies of at most size bytes. Returns the number of replies; names are in out, each followed
 * by a space. */
static unsigned list_dir(uint64_t node, bool plus, uint32_t size, char out[65536])
{
	size_t head = plus ? sizeof(struct fuse_entry_out) : 0, at;
	struct fuse_dirent d = {.off = 0};
	unsigned n = 0;

	*out = '\0';
	for (;; n++) {
		t_eq(ask_read(plus ? FUSE_READDIRPLUS : FUSE_READDIR, node, 0, d.off,
			      size),
		     0);
		t_ok(m.answer.body.len <= size);
		if (m.answer.body.len == 0)
			return n;
		for (at = 0; at < m.answer.body.len;
		     at += FUSE_DIRENT_ALIGN(head + FUSE_NAME_OFFSET + d.namelen)) {
			memcpy(&d, m.answer.body.p + at + head, FUSE_NAME_OFFSET);
			out += sprintf(out, "%.*s ", (int)d.namelen,
				       m.answer.body.p + at + head + FUSE_NAME_OFFSET);
		}
	}
}

T(readdir_in_small_pieces_lists_the_same_as_at_once)
{
	static char all[65536], pieces[65536];

	mount_live("inline-sizes.v1.cfs", CFS_FUSE_FILES);
	t_eq(list_dir(FUSE_ROOT_ID, false, 65536, all), 1);
	t_has(all, ". .. s0001 s0002 ");
	t_has(all, " s5000 ");
	t_ok(list_dir(FUSE_ROOT_ID, false, 64, pieces) > 10);
	t_str(pieces, all);
	t_ok(list_dir(FUSE_ROOT_ID, true, 400, pieces) > 10);
	t_str(pieces, all);
}

T(readdirplus_says_what_lookup_says_and_nothing_of_dots)
{
	struct fuse_entry_out entry, same;
	struct fuse_dirent d;
	size_t dot = FUSE_DIRENT_ALIGN(sizeof(entry) + FUSE_NAME_OFFSET + 1);

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "f", 2), 0);
	same = BODY(struct fuse_entry_out);
	t_eq(ask_read(FUSE_READDIRPLUS, FUSE_ROOT_ID, 0, 0, 4096), 0);
	memcpy(&entry, m.answer.body.p, sizeof(entry));
	t_eq(entry.nodeid, 0);
	memcpy(&entry, m.answer.body.p + 2 * dot, sizeof(entry));
	memcpy(&d, m.answer.body.p + 2 * dot + sizeof(entry), FUSE_NAME_OFFSET);
	t_mem(&entry, &same, sizeof(entry));
	t_eq(d.type, S_IFREG >> 12);
	t_eq(d.ino, same.nodeid);
}

T(readdir_at_a_position_that_no_directory_has_fails)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_read(FUSE_READDIR, FUSE_ROOT_ID, 0, UINT64_MAX, 4096), -EINVAL);
	t_eq(ask_read(FUSE_READDIR, FUSE_ROOT_ID, 0, 100, 4096), -EINVAL);
	t_eq(ask_read(FUSE_READDIR, lookup(FUSE_ROOT_ID, "f"), 0, 0, 4096), -ENOTDIR);
}

T(marks_of_object_directories_are_shown_to_overlayfs_alone)
{
	static char names[65536];

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	list_dir(FUSE_ROOT_ID, true, 65536, names);
	t_str(names, ". .. f g ");
	t_eq(lookup(FUSE_ROOT_ID, "00"), 0);
	mount_live("example.v1.cfs", CFS_FUSE_LAYER);
	list_dir(FUSE_ROOT_ID, false, 65536, names);
	t_has(names, ". .. 00 01 ");
	t_ok(lookup(FUSE_ROOT_ID, "00") != 0);
}

/* An entry whose inode lies outside the image. */
T(damaged_inode_is_eio_and_does_not_hide_the_others)
{
	static char names[65536];
	struct cfs_dirent entry;
	struct cfs_inode root;

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(cfs_image_read_inode(&m.im, m.im.root_nid, &root, NULL), 0);
	t_eq(cfs_dir_find(&m.im, &root, CFS_TEXT("f"), &entry, NULL), 1);
	cfs_put_le64(m.bytes + entry.off, UINT64_C(1) << 40);
	t_eq(ask(FUSE_LOOKUP, FUSE_ROOT_ID, "f", 2), -EIO);
	list_dir(FUSE_ROOT_ID, true, 65536, names);
	t_str(names, ". .. f g ");
	t_ok(lookup(FUSE_ROOT_ID, "g") != 0);
}

/* --- files ------------------------------------------------------------------------------ */

T(content_in_the_image_is_read_in_pieces)
{
	uint64_t f;

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	f = lookup(FUSE_ROOT_ID, "f");
	t_eq(ask_open(f, O_RDONLY), 0);
	t_eq(m.answer.effect, CFS_FUSE_REPLY);
	t_eq(BODY(struct fuse_open_out).fh, 0);
	t_ok(BODY(struct fuse_open_out).open_flags & FOPEN_KEEP_CACHE);
	t_eq(ask_read(FUSE_READ, f, 0, 0, 4096), 0);
	t_eq(m.answer.body.len, 10);
	t_mem(m.answer.body.p, "hello\nwor\n", 10);
	t_eq(ask_read(FUSE_READ, f, 0, 6, 3), 0);
	t_eq(m.answer.body.len, 3);
	t_mem(m.answer.body.p, "wor", 3);
	t_eq(ask_read(FUSE_READ, f, 0, UINT64_MAX, 4096), 0);
	t_eq(m.answer.body.len, 0);
}

T(open_of_an_external_file_names_object_size_and_digest)
{
	char hex[CFS_DIGEST_HEX_MAX];

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_open(lookup(FUSE_ROOT_ID, "g"), O_RDONLY), 0);
	t_eq(m.answer.effect, CFS_FUSE_OPEN);
	t_eq(m.answer.object_size, 70000);
	t_eq(m.answer.path.len, 65);
	t_mem(m.answer.path.s,
	      "35/d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408", 65);
	t_ok(m.answer.has_digest);
	t_str(cfs_digest_hex(&m.answer.digest, hex),
	      "35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408");
}

T(open_for_writing_fails)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_open(lookup(FUSE_ROOT_ID, "f"), O_RDWR), -EROFS);
	t_eq(ask_open(lookup(FUSE_ROOT_ID, "g"), O_WRONLY), -EROFS);
}

T(read_of_a_handle_is_bounded_by_the_reply)
{
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	t_eq(ask_read(FUSE_READ, 9, 5, 4096, CFS_FUSE_BODY_MAX), 0);
	t_eq(m.answer.effect, CFS_FUSE_READ);
	t_eq(m.answer.handle, 5);
	t_eq(m.answer.off, 4096);
	t_eq(m.answer.size, CFS_FUSE_BODY_MAX);
	t_eq(ask_read(FUSE_READ, 9, 5, 0, CFS_FUSE_BODY_MAX + 1), -EINVAL);
	t_eq(ask_read(FUSE_READ, 9, UINT64_MAX, 0, 1), -EINVAL);
}

/* overlayfs opens the file of the layer to copy it up, and reads its content from the object. */
T(layer_lets_an_external_file_be_opened_but_not_read)
{
	uint64_t g;

	mount_image("example.v1.cfs", CFS_FUSE_LAYER);
	t_eq(ask_init(45, 0), 0);
	g = lookup(FUSE_ROOT_ID, "g");
	t_eq(ask_open(g, O_RDONLY), 0);
	t_eq(m.answer.effect, CFS_FUSE_REPLY);
	t_eq(ask_read(FUSE_READ, g, 0, 0, 4096), -EIO);
	mount_live("example.v1.cfs", CFS_FUSE_LAYER);
	t_eq(ask_open(g, O_RDONLY), -ENOSYS);
}

/* --- xattrs ------------------------------------------------------------------------------ */

T(xattr_is_returned_with_its_size_first)
{
	uint64_t f;

	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	f = lookup(FUSE_ROOT_ID, "f");
	t_eq(ask_getxattr(f, "user.a", 0), 0);
	t_eq(BODY(struct fuse_getxattr_out).size, 1);
	t_eq(ask_getxattr(f, "user.a", 64), 0);
	t_eq(m.answer.body.len, 1);
	t_mem(m.answer.body.p, "b", 1);
	t_eq(ask_getxattr(f, "user.b", 64), -ENODATA);
	t_str(list_xattrs(f), "user.a ");
	t_eq(ask_getxattr(lookup(FUSE_ROOT_ID, "g"), "user.a", 0), -ENODATA);
}

T(xattr_that_does_not_fit_is_erange)
{
	mount_live("escape-overlay.v1.cfs", CFS_FUSE_LAYER);
	t_eq(ask_getxattr(lookup(FUSE_ROOT_ID, "a"), "trusted.overlay.metacopy", 4),
	     -ERANGE);
}

T(layer_shows_what_overlayfs_obeys)
{
	uint64_t g;

	mount_live("example.v1.cfs", CFS_FUSE_LAYER);
	g = lookup(FUSE_ROOT_ID, "g");
	t_eq(ask_getxattr(g, "trusted.overlay.metacopy", 64), 0);
	t_eq(m.answer.body.len, 36);
	t_eq(ask_getxattr(g, "user.overlay.metacopy", 64), -ENODATA);
	t_eq(ask_getxattr(FUSE_ROOT_ID, "trusted.overlay.opaque", 64), 0);
}

T(user_layer_says_the_same_under_user)
{
	uint64_t g;

	mount_live("example.v1.cfs", CFS_FUSE_USER_LAYER);
	g = lookup(FUSE_ROOT_ID, "g");
	t_eq(ask_getxattr(g, "user.overlay.metacopy", 64), 0);
	t_eq(m.answer.body.len, 36);
	t_eq(ask_getxattr(g, "user.overlay.redirect", 255), 0);
	t_eq(m.answer.body.len, 66);
	t_eq(ask_getxattr(g, "trusted.overlay.metacopy", 64), -ENODATA);
	t_str(list_xattrs(g), "user.overlay.metacopy user.overlay.redirect ");
}

/* Or overlayfs would take the marks of a nested overlay for its own, and hide the file. */
T(user_layer_escapes_the_overlay_xattrs_of_files)
{
	uint64_t w;

	mount_live("whiteout.v1.cfs", CFS_FUSE_USER_LAYER);
	w = lookup(lookup(FUSE_ROOT_ID, "d"), "w");
	t_str(list_xattrs(w), "user.overlay.overlay.whiteout ");
	t_eq(ask_getxattr(w, "user.overlay.whiteout", 0), -ENODATA);
	t_eq(ask_getxattr(w, "user.overlay.overlay.whiteout", 0), 0);
}

T(files_show_xattrs_as_a_mount_does)
{
	uint64_t i, g;

	mount_live("escape-overlay.v1.cfs", CFS_FUSE_FILES);
	i = lookup(FUSE_ROOT_ID, "i");
	t_str(list_xattrs(i), "trusted.overlay.origin ");
	t_eq(ask_getxattr(i, "trusted.overlay.origin", 64), 0);
	t_mem(m.answer.body.p, "o", 1);
	t_eq(ask_getxattr(i, "trusted.overlay.overlay.origin", 64), -ENODATA);
	mount_live("example.v1.cfs", CFS_FUSE_FILES);
	g = lookup(FUSE_ROOT_ID, "g");
	t_str(list_xattrs(g), "");
	t_eq(ask_getxattr(g, "trusted.overlay.redirect", 64), -ENODATA);
}

T(trusted_xattrs_of_files_are_listed_for_root_alone)
{
	struct fuse_getxattr_in in = {.size = 4096};
	struct fuse_in_header head = {
		.len = sizeof(head) + sizeof(in), .opcode = FUSE_LISTXATTR, .uid = 1000};
	uint8_t request[sizeof(head) + sizeof(in)];

	mount_live("escape-overlay.v1.cfs", CFS_FUSE_FILES);
	head.nodeid = lookup(FUSE_ROOT_ID, "i");
	memcpy(request, &head, sizeof(head));
	memcpy(request + sizeof(head), &in, sizeof(in));
	cfs_fuse_answer(&m.session, (struct cfs_span){request, sizeof(request)}, &m.room,
			&m.answer);
	t_eq(m.answer.error, 0);
	t_eq(m.answer.body.len, 0);
}
