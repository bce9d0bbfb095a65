/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs, writing: where contents, symlinks and chunk maps lie, inode forms, limits. */
#include "erofs_raw.h"

#include "erofs/plan_layout.h"
#include "erofs/plan_table.h"

static struct cfs_builder *start(void)
{
	return tree_start(CFS_SHA256, &dir_spec);
}

/* --- contents and symlinks ----------------------------------------------------------- */

T(content_lies_behind_the_inode_up_to_half_a_block)
{
	static const struct {
		size_t len, tail;
		unsigned layout;
	} cases[] = {
		{1, 1, EROFS_LAYOUT_INLINE},	{2048, 2048, EROFS_LAYOUT_INLINE},
		{2049, 0, EROFS_LAYOUT_PLAIN},	{4096, 0, EROFS_LAYOUT_PLAIN},
		{4097, 1, EROFS_LAYOUT_INLINE}, {5000, 904, EROFS_LAYOUT_INLINE},
	};
	uint8_t content[5000];

	for (size_t i = 0; i < sizeof(content); i++)
		content[i] = (uint8_t)(i % 251);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfs_inode_spec file = empty_spec;
		struct cfs_builder *b = start();
		size_t in_block = cases[i].len - cases[i].tail;
		struct raw_inode r;
		struct cfs_mem im;

		file.content = (struct cfs_span){content, cases[i].len};
		tree_add(b, CFS_ROOT, "file", &file);
		im = image_of_builder(b, 0);
		r = raw_child(&im, "file");
		t_eq(r.size, cases[i].len);
		t_eq(r.layout, cases[i].layout);
		t_mem(r.p + r.head_len, content + in_block, cases[i].tail);
		if (in_block)
			t_mem(im.p + r.u * UINT64_C(4096), content, in_block);
		free(im.p);
	}
}

/* Inodes before the file end 2144 bytes into a block, and its own takes 32. */
T(content_behind_an_inode_does_not_cross_the_end_of_a_block)
{
	uint8_t content[1921] = {1};

	for (size_t len = 1920; len <= 1921; len++) {
		struct cfs_inode_spec file = empty_spec;
		struct cfs_builder *b = start();
		uint64_t end;
		struct raw_inode r;
		struct cfs_mem im;
		char name[8];

		file.content = (struct cfs_span){content, len};
		for (int i = 0; i < 29; i++) {
			snprintf(name, sizeof(name), "g%03d", i);
			tree_add(b, CFS_ROOT, name, &empty_spec);
		}
		tree_add(b, CFS_ROOT, "zz", &file);
		im = image_of_builder(b, 0);
		r = raw_child(&im, "zz");
		end = (uint64_t)(r.p - im.p) + 32 + len;
		t_eq(end % 4096, len == 1920 ? 0 : 1921);
		free(im.p);
	}
}

/* A root with empty files that move what follows, a symlink, and the symlink's inode. */
static struct raw_inode symlink_of(int n_before, size_t len, struct cfs_mem *im)
{
	struct cfs_inode_spec link = {.mode = S_IFLNK | 0777, .nlink = 1};
	struct cfs_builder *b = start();
	char target[4096], name[8];

	memset(target, 't', sizeof(target));
	link.payload = (struct cfs_text){target, len};
	for (int i = 0; i < n_before; i++) {
		snprintf(name, sizeof(name), "g%03d", i);
		tree_add(b, CFS_ROOT, name, &empty_spec);
	}
	tree_add(b, CFS_ROOT, "link", &link);
	*im = image_of_builder(b, 0);
	return raw_child(im, "link");
}

T(symlinks_lie_in_one_block_with_their_target)
{
	for (int before = 0; before < 128; before++) {
		struct cfs_mem im;
		struct raw_inode r = symlink_of(before, 2000, &im);
		uint64_t off = (uint64_t)(r.p - im.p);

		t_eq(r.layout, EROFS_LAYOUT_INLINE);
		t_eq(off / 4096, (off + 32 + 2000 - 1) / 4096);
		t_ok(r.p[32] == 't' && r.p[32 + 1999] == 't' && r.p[32 + 2000] != 't');
		free(im.p);
	}
}

T(symlinks_of_a_block_keep_their_target_elsewhere)
{
	static const struct {
		size_t len;
		bool inlined;
	} cases[] = {{4095, false}, {4064, false}, {4063, true}};

	for (size_t i = 0; i < 3; i++) {
		struct cfs_mem im;
		struct raw_inode r = symlink_of(5, cases[i].len, &im);
		const uint8_t *target = im.p + r.u * UINT64_C(4096);

		t_eq((r.p - im.p) % 4096, 0); /* its full length would have crossed */
		t_eq(r.size, cases[i].len);
		t_eq(r.layout,
		     cases[i].inlined ? EROFS_LAYOUT_INLINE : EROFS_LAYOUT_PLAIN);
		t_eq(r.u != 0, !cases[i].inlined);
		target = cases[i].inlined ? r.p + 32 : target;
		t_ok(target[0] == 't' && target[cases[i].len - 1] == 't');
		t_eq(target[cases[i].len], 0);
		free(im.p);
	}
}

/* --- inode forms --------------------------------------------------------------------- */

static const struct {
	const char *name;
	struct cfs_inode_spec spec;
	bool compact;
} inode_forms[] = {
	{"same", {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7}, true},
	{"later", {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 8}, false},
	{"uid", {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .uid = 65536}, false},
	{"gid", {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .gid = 65536}, false},
	{"links",
	 {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .nlink = 65536},
	 false},
	{"large",
	 {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .size = 1ull << 32},
	 false},
	{"fits",
	 {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .size = UINT32_MAX},
	 true},
	/* A device says size 0, but the size of the input decides. */
	{"device",
	 {.mode = S_IFBLK,
	  .mtime_sec = -5,
	  .mtime_nsec = 7,
	  .size = 1ull << 32,
	  .rdev = 9},
	 false},
};

T(inodes_are_compact_where_their_numbers_fit_and_their_time_is_the_smallest)
{
	struct cfs_builder *b = start();
	struct cfs_mem im;

	for (size_t i = 0; i < sizeof(inode_forms) / sizeof(inode_forms[0]); i++)
		tree_add(b, CFS_ROOT, inode_forms[i].name, &inode_forms[i].spec);
	im = image_of_builder(b, 0);
	t_eq((int64_t)cfs_le64(im.p + EROFS_SB_OFF + 24), -5);
	t_eq(cfs_le32(im.p + EROFS_SB_OFF + 32), 7);
	for (size_t i = 0; i < sizeof(inode_forms) / sizeof(inode_forms[0]); i++)
		if (raw_child(&im, inode_forms[i].name).compact != inode_forms[i].compact)
			t_fail(__FILE__, __LINE__, "form of %s", inode_forms[i].name);
	t_eq(raw_child(&im, "device").size, 0);
	t_eq(raw_child(&im, "device").u, 9);
	t_ok(!raw_inode(&im, raw_root(&im)).compact); /* its time is 0.0 */
	free(im.p);
}

/* --- chunk maps ---------------------------------------------------------------------- */

T(chunks_grow_with_the_file_up_to_1024_of_them)
{
	t_eq(cfs_chunk_choose_bits(1), 12);
	t_eq(cfs_chunk_choose_bits(4096), 12);
	t_eq(cfs_chunk_choose_bits(4097), 13);
	t_eq(cfs_chunk_choose_bits(UINT64_C(1) << 43), 43);
	t_eq(cfs_chunk_choose_bits((UINT64_C(1) << 43) + 1), 43);
	t_eq(cfs_chunk_compute_count(1), 1);
	t_eq(cfs_chunk_compute_count(UINT64_C(1) << 43), 1);
	t_eq(cfs_chunk_compute_count((UINT64_C(1) << 43) + 1), 2);
	t_eq(cfs_chunk_compute_count(CFS_EXTERNAL_MAX), EROFS_CHUNKS_MAX);
}

T(a_chunk_map_lies_behind_the_inode)
{
	struct cfs_inode_spec file = empty_spec;
	struct cfs_builder *b = start();
	struct raw_inode r;
	struct cfs_mem im;

	file.size = UINT64_C(5) << 43;
	tree_add(b, CFS_ROOT, "file", &file);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "file");
	t_eq(r.layout, EROFS_LAYOUT_CHUNK);
	t_eq(r.size, file.size);
	t_eq(r.u, 31);
	for (uint32_t i = 0; i < 5; i++)
		t_eq(cfs_le32(r.p + r.head_len + r.xattr_len + 4 * i), EROFS_NULL_ADDR);
	free(im.p);
}

/* A file of 1024 chunks whose xattrs end 28 bytes behind a slot, so that the map fits nowhere. */
static void add_huge(struct cfs_builder *b)
{
	uint8_t digest[CFS_SHA256_LEN];
	char path[80];
	struct cfs_inode_spec huge = external(CFS_EXTERNAL_MAX, digest, path, 0xee);

	tree_add(b, CFS_ROOT, "zz_huge", &huge);
}

T(a_chunk_map_that_fits_nowhere_becomes_a_block)
{
	struct cfs_builder *b = start();
	struct raw_inode r;
	struct cfs_mem im;

	add_huge(b);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "zz_huge");
	t_eq(r.layout, EROFS_LAYOUT_CHUNK);
	t_eq((r.p - im.p) % 4096, 0);
	t_eq(r.u, 31);
	for (uint32_t i = 0; i < 4096; i++)
		t_eq(im.p[im.len - 4096 + i], 0xff);
	free(im.p);
}

/* Keeps the bytes from off on that fit, and drops the others. */
struct window {
	uint64_t off, at;
	uint8_t bytes[32];
};

static int window_write(void *ctx, const void *p, size_t len, struct cfs_err *e)
{
	struct window *w = ctx;
	const uint8_t *from = p;

	(void)e;
	for (size_t i = 0; i < sizeof(w->bytes); i++)
		if (w->off + i >= w->at && w->off + i < w->at + len)
			w->bytes[i] = from[w->off + i - w->at];
	w->at += len;
	return 0;
}

enum { BULK_FILES = 9000, BULK_KEYS = 128, BULK_LEN = 30000 };

/* More than 256 MiB of inodes in little memory: each has one large value, the same for all, which
 * is stored with each inode because 128 other shared xattrs come before it. */
static void add_bulk(struct cfs_builder *b)
{
	static uint8_t large[BULK_LEN];
	static char keys[BULK_KEYS][8];
	struct cfs_xattr attrs[BULK_KEYS + 1];
	struct cfs_inode_spec file = empty_spec;
	char name[8];

	for (int i = 0; i < BULK_KEYS; i++) {
		snprintf(keys[i], sizeof(keys[i]), "u.%03d", i);
		attrs[i] = (struct cfs_xattr){cfs_text(keys[i]), {NULL, 0}};
	}
	attrs[BULK_KEYS] = (struct cfs_xattr){CFS_TEXT("user.z"), {large, BULK_LEN}};
	file.xattrs = attrs;
	file.n_xattrs = BULK_KEYS + 1;
	for (int i = 0; i < BULK_FILES; i++) {
		snprintf(name, sizeof(name), "n%05d", i);
		tree_add(b, CFS_ROOT, name, &file);
	}
}

T(a_chunk_map_beyond_256_mib_shows_half_of_its_address)
{
	struct cfs_image_opts opts = {0};
	struct cfs_builder *b = start();
	struct window w = {0};
	struct cfs_plan *plan;
	struct cfs_tree *t;

	add_bulk(b);
	add_huge(b);
	t = tree_end(b);
	t_eq(cfs_plan_new(t, &opts, NULL, &plan, &err), 0);
	t_eq(cfs_plan_image_len(plan) >> 28, 1);
	w.off = plan->inodes[t->n_nodes - 1].nid * EROFS_SLOT;
	t_eq(cfs_emit(plan, (struct cfs_sink){window_write, &w}, &err), 0);
	t_eq(w.at, cfs_plan_image_len(plan));
	t_eq(cfs_le16(w.bytes) >> EROFS_LAYOUT_SHIFT, EROFS_LAYOUT_CHUNK);
	t_eq(cfs_le32(w.bytes + 16), 1 << 16 | 31);
	cfs_plan_free(plan);
	cfs_tree_free(t);
}

/* --- limits -------------------------------------------------------------------------- */

T(images_that_no_field_can_describe_are_refused)
{
	struct cfs_plan ok = {
		.shared_len = (UINT64_C(16) << 30) - 4,
		.data_start = (uint64_t)UINT32_MAX * EROFS_BLOCK,
	};
	struct cfs_plan p = ok;

	t_eq(cfs_plan_check_size(&p, &err), 0);
	p.n_data_blocks = 1;
	t_eq(cfs_plan_check_size(&p, &err), -EFBIG);
	t_str(err.msg, "image: expected at most 4294967295 blocks, got 4294967296");
	p = ok;
	p.inodes_end = 32; /* references count from the start of its block */
	t_eq(cfs_plan_check_size(&p, &err), -EFBIG);
	t_str(err.msg,
	      "image: expected at most 16 GiB of shared xattrs, got 17179869180 bytes");
}

T(trees_whose_parts_cannot_be_numbered_are_refused)
{
	struct cfs_tree nodes = {.n_nodes = UINT32_MAX - 255};
	struct cfs_tree pairs = {.n_nodes = 1, .n_pairs = UINT32_MAX - 9};
	struct cfs_plan shared = {.n_shared = CFS_PAIR_ONCE};
	struct cfs_image_opts opts = {0};
	struct cfs_plan *plan;
	uint32_t share;

	t_eq(cfs_plan_new(&nodes, &opts, NULL, &plan, &err), -EFBIG);
	t_str(err.msg,
	      "image: expected at most 4294967039 inodes and links, got 4294967040");
	t_eq(cfs_plan_new(&pairs, &opts, NULL, &plan, &err), -EFBIG);
	t_str(err.msg,
	      "image: expected at most 4294967285 different xattrs, got 4294967286");
	t_eq(cfs_plan_share(&shared, 0, CFS_ROOT, &share, &err), -EFBIG);
	t_str(err.msg, "image: expected at most 4294967294 shared xattrs, got more");
}
