/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs, writing: directories: order and number of entries, numbers of inodes, blocks. */
#include "erofs_raw.h"

static struct cfs_builder *start(void)
{
	return tree_start(CFS_SHA256, &dir_spec);
}

static struct raw_inode raw_at(const struct cfs_mem *im, uint64_t dir, const char *name)
{
	return raw_inode(im, cfs_le64(raw_find(im, dir, name)));
}

T(dots_take_their_place_in_byte_order)
{
	static const char *const expected[] = {"!",  "-",   ".",  ".-",
					       "..", "...", ".a", "a"};
	struct cfs_builder *b = start();
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	const uint8_t *group;
	struct raw_inode r;
	struct cfs_mem im;
	size_t len;

	for (size_t i = 0; i < 8; i++)
		if (i != 2 && i != 4)
			tree_add(b, dir, expected[i], &empty_spec);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "dir");
	group = raw_group(&im, &r, 0, &len);
	t_eq(cfs_le16(group + 8), 8 * 12);
	for (uint32_t i = 0; i < 8; i++)
		t_ok(cfs_text_eq(raw_name(group, len, i), cfs_text(expected[i])));
	t_eq(cfs_le64(group + 2 * 12) * EROFS_SLOT, r.p - im.p);
	t_eq(cfs_le64(group + 4 * 12), raw_root(&im));
	free(im.p);
}

/* A directory with n names of 100 bytes and a shorter one (0: none), and its inode in the image. */
static struct raw_inode dir_of(int n, int shorter, struct cfs_mem *im)
{
	struct cfs_builder *b = start();
	cfs_id dir = tree_add(b, CFS_ROOT, "dir", &dir_spec);
	char name[128];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%0100d", i);
		tree_add(b, dir, name, &empty_spec);
	}
	snprintf(name, sizeof(name), "%0*d", shorter, n);
	if (shorter)
		tree_add(b, dir, name, &empty_spec);
	*im = image_of_builder(b, 0);
	return raw_child(im, "dir");
}

/* The dots cost 27 bytes, a name 12 more than its length. */
T(a_rest_of_entries_lies_behind_the_inode_up_to_half_a_block)
{
	static const struct {
		int n, shorter;
		uint64_t size;
	} cases[] = {
		{0, 0, 27},
		{17, 105, 2048},
		{17, 106, 4096},
		{19, 0, 4096},
		{36, 0, 4096},
		{36, 25, 4096}, /* not a byte is left */
		{36, 26, 4096 + 38},
		{37, 0, 4096 + 112},
		{36 + 18, 0, 4096 + 18 * 112},
		{36 + 19, 0, 8192},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfs_mem im;
		struct raw_inode r = dir_of(cases[i].n, cases[i].shorter, &im);
		uint64_t nid = (uint64_t)(r.p - im.p) / EROFS_SLOT;
		char last[101];

		snprintf(last, sizeof(last), "%0100d", cases[i].n - 1);
		t_eq(r.size, cases[i].size);
		t_eq(r.layout, r.size % 4096 ? EROFS_LAYOUT_INLINE : EROFS_LAYOUT_PLAIN);
		t_ok(cases[i].n == 0 || raw_find(&im, nid, last));
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
