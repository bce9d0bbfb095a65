/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs, writing: the image as a whole, versions, whiteouts. */
#include "erofs_raw.h"

#include "verity/verity.h"

/* --- the whole image ----------------------------------------------------------------- */

#define EXAMPLE_DIGEST "35d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408"

static struct cfs_tree *example_tree(void)
{
	struct cfs_xattr attr = {CFS_TEXT("user.a"), {(const uint8_t *)"b", 1}};
	struct cfs_inode_spec f = {
		.mode = S_IFREG | 0644,
		.nlink = 1,
		.uid = 1000,
		.gid = 100,
		.mtime_sec = 1,
		.mtime_nsec = 5,
		.content = {(const uint8_t *)"hello\nwor\n", 10},
		.xattrs = &attr,
		.n_xattrs = 1,
	};
	struct cfs_inode_spec g = {.mode = S_IFREG | 0644, .nlink = 1, .size = 70000};
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	char path[CFS_OBJECT_PATH_MAX];
	struct cfs_digest digest;

	t_eq(cfs_digest_parse(CFS_TEXT(EXAMPLE_DIGEST), &digest, &err), 0);
	g.digest = digest.bytes;
	g.payload = cfs_text(cfs_digest_path(&digest, path));
	tree_add(b, CFS_ROOT, "f", &f);
	tree_add(b, CFS_ROOT, "g", &g);
	return tree_end(b);
}

struct piece {
	uint32_t off, len;
	const char *bytes;
};

#define PIECE(off, literal)                                                              \
	{                                                                                \
		(off), sizeof(literal) - 1, (literal)                                    \
	}

/* Section 15 of the format: the worked example. */
static const struct piece example_pieces[] = {
	PIECE(0, "\x9a\x62\x78\xd0\x01\0\0\0\0\0\0\0\0\0\0\0"),
	PIECE(0x400, "\xe2\xe1\xf5\xe0\0\0\0\0\x06\0\0\0\x0c\0\x24\0"),
	PIECE(0x410, "\x03\x01\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	PIECE(0x420, "\0\0\0\0\x04\0\0\0\0\0\0\0\x02\0\0\0"),
	PIECE(0x480, "\0\0\x06\0\xed\x41\x02\0\0\x10\0\0\0\0\0\0"),
	PIECE(0x490, "\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"),
	PIECE(0x4a0, "\xff\xff\xef\xff\0\0\0\0\0\0\0\0"),
	PIECE(0x4ac, "\x0e\x04\x01\0overlay.opaquey\0"),
	PIECE(0x4c0, "\0\0\0\0\xa4\x21\x01\0"),
	PIECE(0x2520, "\x08\0\x25\0\xa4\x81\x01\0\x70\x11\x01\0\0\0\0\0"),
	PIECE(0x2530, "\x05\0\0\0\x02\x01\0\0\0\0\0\0\0\0\0\0"),
	PIECE(0x2540, "\xff\xff\xfd\x7f\0\0\0\0\0\0\0\0"),
	PIECE(0x254c, "\x10\x04\x24\0overlay.metacopy\0\x24\0\x01\x35\xd0\x2f"),
	PIECE(0x2584, "\x10\x04\x42\0overlay.redirect/35/d02f8132"),
	PIECE(0x25d8, "08\0\0\xff\xff\xff\xff\0"),
	PIECE(0x3000, "\x24\0\0\0\0\0\0\0\x30\x0c\x02\0\x24\0\0\0\0\0\0\0\x31\x0c\x02\0"),
	PIECE(0x3018, "\x26\0\0\0\0\0\0\0\x33\x0c\x03\0"),
	PIECE(0x3c30, "...000102"),
};

T(worked_example_of_the_format_comes_out_byte_by_byte)
{
	struct cfs_tree *t = example_tree();
	struct cfs_mem im = image_of(t, 0, 1);
	struct cfs_digest digest;
	char hex[CFS_DIGEST_HEX_MAX];

	t_eq(im.len, 0x4000);
	for (size_t i = 0; i < sizeof(example_pieces) / sizeof(example_pieces[0]); i++) {
		const struct piece *w = &example_pieces[i];

		if (memcmp(im.p + w->off, w->bytes, w->len) != 0)
			t_fail(__FILE__, __LINE__, "bytes at 0x%x differ", w->off);
	}
	t_eq(cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){im.p, im.len}, &digest,
				   &err),
	     0);
	t_str(cfs_digest_hex(&digest, hex),
	      "e93974e1d81762834f882dbd21e18078c399fba005ef9bb21518c829444ae4cf");
	free(im.p);
	cfs_tree_free(t);
}

T(versions_differ_in_one_byte_when_there_is_no_whiteout)
{
	struct cfs_tree *t = example_tree();
	struct cfs_mem v0 = image_of(t, 0, 0), v1 = image_of(t, 1, 1);

	t_eq(v0.len, v1.len);
	t_eq(v0.p[12], 0);
	t_eq(v1.p[12], 1);
	v1.p[12] = 0;
	t_mem(v0.p, v1.p, v0.len);
	free(v0.p);
	free(v1.p);
	cfs_tree_free(t);
}

static uint32_t version_of(const struct cfs_tree *t, uint32_t min, uint32_t max)
{
	struct cfs_mem im = image_of(t, min, max);
	uint32_t version = cfs_le32(im.p + 12);

	free(im.p);
	return version;
}

T(version_rises_for_a_whiteout_where_max_allows_it)
{
	struct cfs_tree *plain = example_tree(), *with;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);

	tree_add(b, CFS_ROOT, "gone", &whiteout_spec);
	with = tree_end(b);
	t_eq(version_of(plain, 0, 0), 0);
	t_eq(version_of(plain, 0, 1), 0);
	t_eq(version_of(plain, 1, 0), 1);
	t_eq(version_of(with, 0, 0), 0);
	t_eq(version_of(with, 0, 1), 1);
	t_eq(version_of(with, 1, 1), 1);
	cfs_tree_free(plain);
	cfs_tree_free(with);
}

T(versions_above_1_are_refused)
{
	struct cfs_tree *t = example_tree();
	struct cfs_image_opts above = {.max_version = 2};
	struct cfs_plan *plan;

	t_eq(cfs_plan_new(t, &above, NULL, &plan, &err), -EINVAL);
	t_str(err.msg, "image version: expected at most 1, got 2");
	above = (struct cfs_image_opts){.min_version = 7};
	t_eq(cfs_plan_new(t, &above, NULL, &plan, &err), -EINVAL);
	t_str(err.msg, "image version: expected at most 1, got 7");
	cfs_tree_free(t);
}

/* Hands out bytes until none are left, then fails. */
static int limited_write(void *ctx, const void *p, size_t len, struct cfs_err *e)
{
	size_t *left = ctx;

	(void)p;
	if (len > *left)
		return cfs_fail(e, ENOSPC, "no room for %zu bytes", len);
	*left -= len;
	return 0;
}

T(a_sink_that_fails_ends_the_image_with_its_own_error)
{
	struct cfs_tree *t = example_tree();
	struct cfs_image_opts opts = {0};
	struct cfs_plan *plan;
	size_t left = 0x4000;

	t_eq(cfs_plan_new(t, &opts, NULL, &plan, &err), 0);
	t_eq(cfs_emit(plan, (struct cfs_sink){limited_write, &left}, &err), 0);
	t_eq(left, 0);
	t_eq(cfs_emit(plan, (struct cfs_sink){limited_write, &left}, &err), -ENOSPC);
	t_str(err.msg, "no room for 16384 bytes");
	cfs_plan_free(plan);
	cfs_tree_free(t);
}

T(image_is_written_and_digested_in_one_pass)
{
	struct cfs_tree *t = example_tree();
	volatile sig_atomic_t cancelled = 1;
	const struct cfs_watch watch = {.cancelled = &cancelled};
	struct cfs_digest passing, alone, whole;
	struct cfs_mem image = {0}, none = {0};
	uint32_t version = 9;
	struct cfs_image_write how = {.digest = &passing, .version = &version};

	t_eq(cfs_image_write(t, &how, cfs_sink_mem(&image), &err), 0);
	t_eq(version, 0);
	t_eq(image.len, 0x4000);
	t_eq(cfs_verity_digest_mem(t->alg, (struct cfs_span){image.p, image.len}, &whole,
				   &err),
	     0);
	t_ok(cfs_digest_eq(&passing, &whole));
	how.digest = &alone;
	t_eq(cfs_image_write(t, &how, (struct cfs_sink){0}, &err), 0);
	t_ok(cfs_digest_eq(&alone, &whole));
	how.watch = &watch;
	t_eq(cfs_image_write(t, &how, cfs_sink_mem(&none), &err), -ECANCELED);
	t_eq(none.len, 0);
	free(image.p);
	free(none.p);
	cfs_tree_free(t);
}

/* --- whiteouts ----------------------------------------------------------------------- */

T(whiteouts_become_marked_empty_files_in_a_marked_directory)
{
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	cfs_id only_link = tree_add(b, CFS_ROOT, "linked", &dir_spec);
	struct cfs_inode_spec gone = {.mode = S_IFCHR | 0640, .nlink = 3, .size = 77};
	struct cfs_mem v0, v1;
	struct raw_inode r;
	const uint8_t *entry;
	struct cfs_tree *t;

	tree_link(b, only_link, "l", tree_add(b, dir, "gone", &gone));
	t = tree_end(b);
	v0 = image_of(t, 0, 0);
	v1 = image_of(t, 1, 1);
	r = raw_child(&v0, "dir");
	t_str(raw_xattrs(&v0, &r), "4:overlay.overlay.whiteouts=;1:overlay.whiteouts=;");
	r = raw_child(&v1, "dir");
	t_str(raw_xattrs(&v1, &r),
	      "4:overlay.overlay.opaque=x;4:overlay.overlay.whiteouts=;"
	      "1:overlay.opaque=x;1:overlay.whiteouts=;");
	entry = raw_find(&v1, cfs_le64(raw_find(&v1, raw_root(&v1), "dir")), "gone");
	t_eq(entry[10], EROFS_FT_REG);
	r = raw_inode(&v1, cfs_le64(entry));
	t_eq(r.mode, S_IFREG | 0640);
	t_eq(r.size, 0);
	t_eq(r.nlink, 3);
	t_str(raw_xattrs(&v1, &r), "4:overlay.overlay.whiteout=;1:overlay.whiteout=;");
	r = raw_child(&v1, "linked");
	t_str(raw_xattrs(&v1, &r), "");
	free(v0.p);
	free(v1.p);
	cfs_tree_free(t);
}

T(marks_of_whiteouts_replace_what_the_input_had_under_their_keys)
{
	struct cfs_xattr attrs[] = {
		{CFS_TEXT("trusted.overlay.whiteouts"), {(const uint8_t *)"AAAAAAAA", 8}},
		{CFS_TEXT("user.overlay.opaque"), {(const uint8_t *)"input", 5}},
		{CFS_TEXT("user.overlay.whiteout"), {(const uint8_t *)"kept", 4}},
	};
	struct cfs_inode_spec dir = dir_spec;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;
	struct raw_inode r;
	cfs_id id;

	dir.xattrs = attrs;
	dir.n_xattrs = 3;
	tree_add(b, CFS_ROOT, "a", &dir);
	id = tree_add(b, CFS_ROOT, "dir", &dir);
	tree_add(b, id, "gone", &whiteout_spec);
	im = image_of_builder(b, 1);
	r = raw_child(&im, "dir");
	t_str(raw_xattrs(&im, &r),
	      "shared 1:overlay.whiteout=kept;4:overlay.overlay.opaque=x;"
	      "4:overlay.overlay.whiteouts=;1:overlay.opaque=x;1:overlay.whiteouts=;");
	r = raw_child(&im, "a"); /* what is replaced no longer counts: one inode has it */
	t_str(raw_xattrs(&im, &r), "shared 1:overlay.whiteout=kept;"
				   "4:overlay.overlay.whiteouts=AAAAAAAA;"
				   "1:overlay.opaque=input;");
	free(im.p);
}

T(marks_that_equal_an_escaped_input_xattr_are_shared_with_it)
{
	struct cfs_xattr attr = {CFS_TEXT("trusted.overlay.whiteout"), {NULL, 0}};
	struct cfs_inode_spec file = empty_spec;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;
	struct raw_inode r;

	file.xattrs = &attr;
	file.n_xattrs = 1;
	tree_add(b, CFS_ROOT, "file", &file);
	tree_add(b, CFS_ROOT, "gone", &whiteout_spec);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "file");
	t_str(raw_xattrs(&im, &r), "shared 4:overlay.overlay.whiteout=;");
	r = raw_child(&im, "gone");
	t_str(raw_xattrs(&im, &r),
	      "shared 4:overlay.overlay.whiteout=;1:overlay.whiteout=;");
	free(im.p);
}

T(root_hides_every_two_digit_name_that_it_does_not_use)
{
	struct cfs_xattr label = {CFS_TEXT("security.selinux"),
				  {(const uint8_t *)"root", 4}};
	struct cfs_inode_spec root = {
		.mode = S_IFDIR | 0700, .uid = 7, .xattrs = &label, .n_xattrs = 1};
	struct cfs_builder *b = tree_start(CFS_SHA256, &root);
	struct cfs_mem im;
	struct raw_inode r;

	tree_link(b, CFS_ROOT, "ff", tree_add(b, CFS_ROOT, "00", &empty_spec));
	tree_add(b, CFS_ROOT, "AA", &empty_spec);
	im = image_of_builder(b, 0);
	t_eq(cfs_le64(im.p + EROFS_SB_OFF + 16), 1 + 2 + 254);
	r = raw_child(&im, "aa");
	t_eq(r.mode, S_IFCHR | 0644);
	t_eq(r.nlink, 1);
	t_eq(r.u, 0);
	t_eq(cfs_le16(r.p + 24), 7);
	t_str(raw_xattrs(&im, &r), "shared 6:selinux=root;");
	t_eq(raw_find(&im, raw_root(&im), "aa")[10], EROFS_FT_CHR);
	t_eq(raw_find(&im, raw_root(&im), "ff")[10], EROFS_FT_REG);
	t_eq(raw_child(&im, "00").mode, S_IFREG | 0644);
	free(im.p);
}
