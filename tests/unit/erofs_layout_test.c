/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs, writing: where things lie: directories, contents, symlinks, chunk maps, limits. */
#include "erofs_raw.h"

#include "erofs/plan.h"

static struct cfs_builder *start(void)
{
	return tree_start(CFS_SHA256, &dir_spec);
}

static struct raw_inode raw_at(const struct cfs_mem *im, uint64_t dir, const char *name)
{
	return raw_inode(im, cfs_le64(raw_find(im, dir, name)));
}

/* --- directories --------------------------------------------------------------------- */

T(dots_take_their_place_in_byte_order)
{
	static const char *const want[] = {"!", "-", ".", ".-", "..", "...", ".a", "a"};
	struct cfs_builder *b = start();
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	const uint8_t *group;
	struct raw_inode r;
	struct cfs_mem im;
	size_t len;

	for (size_t i = 0; i < 8; i++)
		if (i != 2 && i != 4)
			tree_add(b, dir, want[i], &empty_spec);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "dir");
	group = raw_group(&im, &r, 0, &len);
	t_eq(cfs_le16(group + 8), 8 * 12);
	for (uint32_t i = 0; i < 8; i++)
		t_ok(cfs_text_eq(raw_name(group, len, i), cfs_text(want[i])));
	t_eq(cfs_le64(group + 2 * 12) * EROFS_SLOT, r.p - im.p);
	t_eq(cfs_le64(group + 4 * 12), raw_root(&im));
	free(im.p);
}

/* A directory with n names of 100 bytes, and its inode in the image. */
static struct raw_inode dir_of(int n, struct cfs_mem *im)
{
	struct cfs_builder *b = start();
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	char name[101];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%0100d", i);
		tree_add(b, dir, name, &empty_spec);
	}
	*im = image_of_builder(b, 0);
	return raw_child(im, "dir");
}

T(a_rest_of_entries_lies_behind_the_inode_up_to_half_a_block)
{
	static const struct {
		int n;
		uint64_t size;
		unsigned layout;
	} cases[] = {
		{0, 27, EROFS_LAYOUT_INLINE},
		{18, 27 + 18 * 112, EROFS_LAYOUT_INLINE},
		{19, 4096, EROFS_LAYOUT_PLAIN}, /* 2155 bytes */
		{36, 4096, EROFS_LAYOUT_PLAIN},
		{37, 4096 + 112, EROFS_LAYOUT_INLINE},
		{36 + 18, 4096 + 18 * 112, EROFS_LAYOUT_INLINE},
		{36 + 19, 8192, EROFS_LAYOUT_PLAIN},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfs_mem im;
		struct raw_inode r = dir_of(cases[i].n, &im);
		char last[101];

		snprintf(last, sizeof(last), "%0100d", cases[i].n - 1);
		t_eq(r.size, cases[i].size);
		t_eq(r.layout, cases[i].layout);
		if (cases[i].n)
			t_ok(raw_find(&im, (uint64_t)(r.p - im.p) / EROFS_SLOT, last));
		free(im.p);
	}
}

T(nlink_of_a_directory_counts_subdirectories_and_nothing_else)
{
	struct cfs_inode_spec odd = dir_spec;
	struct cfs_builder *b = start();
	cfs_id dir, file;
	struct cfs_mem im;

	odd.nlink = 77;
	dir = tree_add(b, CFS_ROOT, "dir", &odd);
	tree_add(b, dir, "sub1", &dir_spec);
	tree_add(b, dir, "sub2", &dir_spec);
	file = tree_add(b, dir, "file", &empty_spec);
	tree_link(b, CFS_ROOT, "link", file);
	im = image_of_builder(b, 0);
	t_eq(raw_child(&im, "dir").nlink, 4);
	t_eq(raw_inode(&im, raw_root(&im)).nlink, 3);
	t_eq(raw_child(&im, "link").nlink, 1); /* as the input says */
	t_mem(raw_find(&im, raw_root(&im), "link"),
	      raw_find(&im, cfs_le64(raw_find(&im, raw_root(&im), "dir")), "file"), 8);
	free(im.p);
}

T(inodes_are_numbered_breadth_first_with_the_hidden_names_among_them)
{
	struct cfs_builder *b = start();
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	struct cfs_mem im;
	uint64_t nid;

	tree_add(b, CFS_ROOT, "a", &empty_spec);
	tree_add(b, dir, "x", &empty_spec);
	tree_add(b, CFS_ROOT, "z", &empty_spec);
	im = image_of_builder(b, 0);
	t_eq(raw_inode(&im, raw_root(&im)).ino, 0);
	t_eq(raw_child(&im, "00").ino, 1);
	t_eq(raw_child(&im, "9f").ino, 160);
	t_eq(raw_child(&im, "a").ino, 161); /* before "a0" */
	t_eq(raw_child(&im, "a0").ino, 162);
	t_eq(raw_child(&im, "dir").ino, 226); /* behind "df" */
	t_eq(raw_child(&im, "z").ino, 259);
	nid = cfs_le64(raw_find(&im, raw_root(&im), "dir"));
	t_eq(raw_at(&im, nid, "x").ino, 260);
	t_eq(cfs_le64(im.p + EROFS_SB_OFF + 16), 261);
	free(im.p);
}

/* Entries of 19 bytes: 215 in a block, one less where the dots (27 bytes) are. */
enum { MILLION = 1000000, ENTRY = 19, PER_BLOCK = 215, IN_FIRST = 214 };

T(a_directory_holds_a_million_names)
{
	struct cfs_builder *b = start();
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	char name[16];
	struct cfs_mem im;
	uint64_t nid;

	for (int i = 0; i < MILLION; i++) {
		snprintf(name, sizeof(name), "n%06d", i);
		tree_add(b, dir, name, &empty_spec);
	}
	im = image_of_builder(b, 0);
	nid = cfs_le64(raw_find(&im, raw_root(&im), "dir"));
	t_eq(raw_inode(&im, nid).size,
	     (1 + (MILLION - IN_FIRST) / PER_BLOCK) * EROFS_BLOCK +
		     (MILLION - IN_FIRST) % PER_BLOCK * ENTRY);
	t_eq(raw_at(&im, nid, name).ino, 257 + MILLION);
	t_eq(raw_at(&im, nid, "n500000").ino, 258 + MILLION / 2);
	t_eq(cfs_le64(im.p + EROFS_SB_OFF + 16), 258 + MILLION);
	free(im.p);
}

T(a_path_may_be_a_thousand_deep)
{
	struct cfs_builder *b = start();
	cfs_id dir = CFS_ROOT;
	uint64_t nid, parent;
	struct cfs_mem im;

	for (int i = 0; i < 1000; i++)
		dir = tree_add(b, dir, "d", &dir_spec);
	tree_add(b, dir, "end", &empty_spec);
	im = image_of_builder(b, 0);
	parent = raw_root(&im);
	for (int i = 0; i < 1000; i++) {
		nid = cfs_le64(raw_find(&im, parent, "d"));
		t_eq(cfs_le64(raw_find(&im, nid, "..")), parent);
		parent = nid;
	}
	t_eq(raw_at(&im, parent, "end").ino, 257 + 1000);
	free(im.p);
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

T(inodes_are_compact_where_their_numbers_fit_and_their_time_is_the_smallest)
{
	static const struct {
		const char *name;
		struct cfs_inode_spec spec;
		bool compact;
	} cases[] = {
		{"same", {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7}, true},
		{"later", {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 8}, false},
		{"uid",
		 {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .uid = 65536},
		 false},
		{"gid",
		 {.mode = S_IFREG, .mtime_sec = -5, .mtime_nsec = 7, .gid = 65536},
		 false},
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
	struct cfs_builder *b = start();
	struct cfs_mem im;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		tree_add(b, CFS_ROOT, cases[i].name, &cases[i].spec);
	im = image_of_builder(b, 0);
	t_eq((int64_t)cfs_le64(im.p + EROFS_SB_OFF + 24), -5);
	t_eq(cfs_le32(im.p + EROFS_SB_OFF + 32), 7);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (raw_child(&im, cases[i].name).compact != cases[i].compact)
			t_fail(__FILE__, __LINE__, "form of %s", cases[i].name);
	t_eq(raw_child(&im, "device").size, 0);
	t_eq(raw_child(&im, "device").u, 9);
	t_ok(!raw_inode(&im, raw_root(&im)).compact); /* its time is 0.0 */
	free(im.p);
}

/* --- chunk maps ---------------------------------------------------------------------- */

T(chunks_grow_with_the_file_up_to_1024_of_them)
{
	t_eq(cfs_chunk_bits(1), 12);
	t_eq(cfs_chunk_bits(4096), 12);
	t_eq(cfs_chunk_bits(4097), 13);
	t_eq(cfs_chunk_bits(UINT64_C(1) << 43), 43);
	t_eq(cfs_chunk_bits((UINT64_C(1) << 43) + 1), 43);
	t_eq(cfs_chunk_count(1), 1);
	t_eq(cfs_chunk_count(UINT64_C(1) << 43), 1);
	t_eq(cfs_chunk_count((UINT64_C(1) << 43) + 1), 2);
	t_eq(cfs_chunk_count(CFS_EXTERNAL_MAX), EROFS_CHUNKS_MAX);
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
	t_eq(cfs_plan_new(t, &opts, &plan, &err), 0);
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

	t_eq(cfs_plan_check(&p, &err), 0);
	p.n_data_blocks = 1;
	t_eq(cfs_plan_check(&p, &err), -EFBIG);
	t_str(err.msg, "image: want at most 4294967295 blocks, found 4294967296");
	p = ok;
	p.inodes_end = 32; /* references count from the start of its block */
	t_eq(cfs_plan_check(&p, &err), -EFBIG);
	t_str(err.msg,
	      "image: want at most 16 GiB of shared xattrs, found 17179869180 bytes");
}

T(trees_whose_parts_cannot_be_numbered_are_refused)
{
	struct cfs_tree nodes = {.n_nodes = UINT32_MAX - 255};
	struct cfs_tree pairs = {.n_nodes = 1, .n_pairs = UINT32_MAX - 9};
	struct cfs_plan shared = {.n_shared = CFS_PAIR_ONCE};
	struct cfs_image_opts opts = {0};
	struct cfs_plan *plan;
	uint32_t share;

	t_eq(cfs_plan_new(&nodes, &opts, &plan, &err), -EFBIG);
	t_str(err.msg,
	      "image: want at most 4294967039 inodes and links, found 4294967040");
	t_eq(cfs_plan_new(&pairs, &opts, &plan, &err), -EFBIG);
	t_str(err.msg,
	      "image: want at most 4294967285 different xattrs, found 4294967286");
	t_eq(cfs_plan_share(&shared, 0, CFS_ROOT, &share, &err), -EFBIG);
	t_str(err.msg, "image: want at most 4294967294 shared xattrs, found more");
}
