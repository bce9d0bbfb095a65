/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs, writing: keys in their final form, which xattrs are shared, what files outside the image
 * get. */
#include "erofs_raw.h"

#include "erofs/plan_contents.h"

T(keys_of_overlayfs_are_escaped_and_prefixes_shortened)
{
	static const char *const keys[] = {
		"lustre.x",
		"security.x",
		"system.posix_acl_access_foo",
		"trusted.overlay.metacopy",
		"trusted.overlay.overlay.x",
		"trusted.overlayer",
		"user.overlay.x",
	};
	struct cfs_xattr attrs[7];
	struct cfs_inode_spec file = empty_spec;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;
	struct raw_inode r;

	for (int i = 0; i < 7; i++)
		attrs[i] =
			(struct cfs_xattr){cfs_text(keys[i]), {(const uint8_t *)"v", 1}};
	file.xattrs = attrs;
	file.n_xattrs = 7;
	tree_add(b, CFS_ROOT, "file", &file);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "file");
	t_str(raw_xattrs(&im, &r),
	      "0:lustre.x=v;6:x=v;2:_foo=v;4:overlay.overlay.metacopy=v;"
	      "4:overlay.overlay.overlay.x=v;4:overlayer=v;1:overlay.x=v;");
	t_eq(cfs_le32(im.p + 8), 0); /* no ACL: the key only begins like one */
	free(im.p);
}

T(acl_flag_is_set_by_an_acl_of_any_inode)
{
	struct cfs_xattr acl = {CFS_TEXT("system.posix_acl_default"), {NULL, 0}};
	struct cfs_inode_spec dir = dir_spec;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;

	dir.xattrs = &acl;
	dir.n_xattrs = 1;
	tree_add(b, CFS_ROOT, "dir", &dir);
	im = image_of_builder(b, 0);
	t_eq(cfs_le32(im.p + 8), CFS_HEADER_HAS_ACL);
	free(im.p);
}

enum { MANY = 131 };

T(an_inode_refers_to_128_shared_xattrs_and_holds_the_others)
{
	struct cfs_xattr attrs[MANY];
	char keys[MANY][16];
	struct cfs_inode_spec file = empty_spec;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;
	struct raw_inode r;

	for (int i = 0; i < MANY; i++) {
		snprintf(keys[i], sizeof(keys[i]), "user.%03d", i);
		attrs[i] =
			(struct cfs_xattr){cfs_text(keys[i]), {(const uint8_t *)"v", 1}};
	}
	file.xattrs = attrs;
	file.n_xattrs = MANY;
	tree_add(b, CFS_ROOT, "a", &file);
	tree_add(b, CFS_ROOT, "b", &file);
	im = image_of_builder(b, 0);
	r = raw_child(&im, "b");
	t_eq(r.p[r.head_len + 4], EROFS_XATTR_SHARED_MAX);
	t_eq(r.xattr_len, 12 + 128 * 4 + 3 * 8);
	t_has(raw_xattrs(&im, &r),
	      "shared 1:126=v;shared 1:127=v;1:128=v;1:129=v;1:130=v;");
	free(im.p);
}

/* An inode with n empty xattrs and one with a value of that length; trees that come from images are
 * not bound by the budget. */
static struct cfs_tree *tree_of_xattrs(int n, size_t value_len)
{
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_xattr *attrs = calloc((size_t)n + 1, sizeof(*attrs));
	char(*keys)[16] = calloc((size_t)n + 1, sizeof(*keys));
	struct cfs_inode_spec file = empty_spec;
	uint8_t *value = calloc(1, value_len + 1);

	cfs_builder_lift_budget(b);
	t_ok(attrs && keys && value);
	for (int i = 0; i <= n; i++) {
		snprintf(keys[i], sizeof(keys[i]), "user.%05d", i);
		attrs[i].key = cfs_text(keys[i]);
	}
	attrs[n].value = (struct cfs_span){value, value_len};
	file.xattrs = attrs;
	file.n_xattrs = (size_t)n + 1;
	tree_add(b, CFS_ROOT, "file", &file);
	free(attrs);
	free(keys);
	free(value);
	return tree_end(b);
}

T(an_inode_may_have_as_many_xattrs_as_its_count_can_say)
{
	/* 12 bytes for the header, 12 for each of 21843, and 4 + 5 + 11 for the last. */
	struct cfs_tree *fits = tree_of_xattrs(21843, 11);
	struct cfs_tree *too_much = tree_of_xattrs(21843, 12);
	struct cfs_image_opts opts = {0};
	struct cfs_mem im = image_of(fits, 0, 0);
	struct cfs_plan *plan;

	t_eq(raw_child(&im, "file").xattr_len, EROFS_XATTR_AREA_MAX);
	t_eq(cfs_plan_new(too_much, &opts, NULL, &plan, &err), -ERANGE);
	t_str(err.msg, "/file: expected at most 262148 bytes of xattrs, got 262152");
	free(im.p);
	cfs_tree_free(fits);
	cfs_tree_free(too_much);
}

T(shared_table_descends_by_key_then_length_then_bytes)
{
	static const struct {
		const char *key, *value;
	} pairs[] = {
		{"user.a", "z"},	 {"user.b", "12345678a"}, {"user.b", "aaaaaaaaa"},
		{"user.b", "12345678b"}, {"user.b", "zzzzzzzz"},  {"user.b", ""},
		{"security.z", "v"},
	};
	static const char expected[] = "\x01\x01\x09\0baaaaaaaaa\0\0"
				       "\x01\x01\x09\0b12345678b\0\0"
				       "\x01\x01\x09\0b12345678a\0\0"
				       "\x01\x01\x08\0bzzzzzzzz\0\0\0"
				       "\x01\x01\0\0b\0\0\0"
				       "\x01\x01\x01\0az\0\0"
				       "\x01\x06\x01\0zv\0";
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_inode_spec file = empty_spec;
	char name[] = "n00";
	struct cfs_mem im;
	struct raw_inode r;
	uint64_t table;

	for (size_t i = 0; i < 7; i++) {
		struct cfs_text value = cfs_text(pairs[i].value);
		struct cfs_xattr attr = {cfs_text(pairs[i].key), cfs_text_span(value)};

		file.xattrs = &attr;
		file.n_xattrs = 1;
		name[1] = (char)('a' + i);
		for (name[2] = '0'; name[2] < '2'; name[2]++)
			tree_add(b, CFS_ROOT, name, &file);
	}
	im = image_of_builder(b, 0);
	r = raw_child(&im, "nc0"); /* the first of the table */
	table = (uint64_t)cfs_le32(im.p + EROFS_SB_OFF + 44) * EROFS_BLOCK +
		4 * (uint64_t)cfs_le32(r.p + r.head_len + 12);
	t_mem(im.p + table, expected, sizeof(expected) - 1);
	free(im.p);
}

T(files_with_the_same_content_share_its_xattrs)
{
	uint8_t d1[CFS_SHA256_LEN], d2[CFS_SHA256_LEN];
	char p1[80], p2[80];
	struct cfs_inode_spec one = external(5000, d1, p1, 0xaa);
	struct cfs_inode_spec two = external(5000, d2, p2, 0xbb);
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;

	tree_add(b, CFS_ROOT, "same1", &one);
	one.size = 6000;
	tree_add(b, CFS_ROOT, "same2", &one);
	two.payload = one.payload;
	tree_add(b, CFS_ROOT, "same_path", &two);
	two.payload = CFS_TEXT("else/where");
	tree_add(b, CFS_ROOT, "same_digest", &two);
	two.digest = NULL;
	tree_add(b, CFS_ROOT, "no_digest", &two);
	two.payload.len = 0;
	tree_add(b, CFS_ROOT, "nothing", &two);
	im = image_of_builder(b, 0);
	/* 12 for the header, 4 for a reference, 56 and 88 for metacopy and redirect inline. */
	t_eq(raw_child(&im, "same1").xattr_len, 12 + 4 + 4);
	t_eq(raw_child(&im, "same2").xattr_len, 12 + 4 + 4);
	t_eq(raw_child(&im, "same_path").xattr_len, 12 + 4 + 4);
	t_eq(raw_child(&im, "same_digest").xattr_len, 12 + 4 + 4);
	t_eq(raw_child(&im, "no_digest").xattr_len, 12 + 4 + 4);
	t_eq(raw_child(&im, "nothing").xattr_len, 12 + 4);
	free(im.p);
}

T(unique_contents_stay_with_their_files)
{
	uint8_t d1[CFS_SHA256_LEN], d2[CFS_SHA256_LEN];
	char p1[80], p2[80];
	struct cfs_inode_spec one = external(5000, d1, p1, 0xaa);
	struct cfs_inode_spec two = external(5000, d2, p2, 0xbb);
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_mem im;

	two.payload = one.payload; /* a path that spells another file's digest */
	one.payload = CFS_TEXT("else/where");
	tree_add(b, CFS_ROOT, "one", &one);
	tree_add(b, CFS_ROOT, "two", &two);
	im = image_of_builder(b, 0);
	t_eq(raw_child(&im, "one").xattr_len, 12 + 56 + 32);
	t_eq(raw_child(&im, "two").xattr_len, 12 + 56 + 88);
	free(im.p);
}

/* Numbers and the tags that their digests have, with a fixed seed. */
struct tagged {
	uint32_t tag, number;
};

static void number_digest(uint32_t number, uint8_t digest[CFS_SHA256_LEN])
{
	memset(digest, 0, CFS_SHA256_LEN);
	cfs_put_le32(digest, number);
}

static int compare_tags(const void *a, const void *b)
{
	const struct tagged *x = a, *y = b;

	return x->tag < y->tag ? -1 : x->tag > y->tag;
}

/* Two numbers whose digests have the same tag. */
static void find_collision(uint32_t *a, uint32_t *b)
{
	enum { N = 300000 };
	struct tagged *list = calloc(N, sizeof(*list));
	uint8_t digest[CFS_SHA256_LEN];
	uint32_t i;

	t_ok(list);
	for (i = 0; i < N; i++) {
		number_digest(i, digest);
		list[i].tag = (uint32_t)cfs_hash64(digest, sizeof(digest), 0);
		list[i].number = i;
	}
	qsort(list, N, sizeof(*list), compare_tags);
	for (i = 1; i < N && list[i - 1].tag != list[i].tag; i++)
		;
	t_ok(i < N);
	*a = list[i - 1].number;
	*b = list[i].number;
	free(list);
}

T(contents_with_equal_hashes_are_kept_apart)
{
	struct cfs_inode_spec file = empty_spec;
	struct cfs_builder *b = tree_start(CFS_SHA256, &dir_spec);
	struct cfs_plan_inode inodes[4] = {0};
	struct cfs_plan plan = {.inodes = inodes};
	uint8_t d1[CFS_SHA256_LEN], d2[CFS_SHA256_LEN];
	struct cfs_contents c;
	struct cfs_tree *t;
	uint32_t n1, n2;

	find_collision(&n1, &n2);
	number_digest(n1, d1);
	number_digest(n2, d2);
	file.size = 1;
	file.digest = d1;
	tree_add(b, CFS_ROOT, "1", &file);
	tree_add(b, CFS_ROOT, "2", &file);
	file.digest = d2;
	tree_add(b, CFS_ROOT, "3", &file);
	t = tree_end(b);
	plan.tree = t;
	t_eq(cfs_contents_init(&c, 3, &err), 0);
	c.n_slots = 3; /* so that they soon meet */
	c.seed = 0;
	for (cfs_id id = 1; id < 4; id++) {
		inodes[id].own_shares[CFS_OWN_METACOPY] = CFS_PAIR_ONCE;
		t_eq(cfs_contents_count(&c, &plan, id, &err), 0);
	}
	t_eq(plan.n_shared, 1);
	t_eq(inodes[1].own_shares[CFS_OWN_METACOPY], 0);
	t_eq(inodes[2].own_shares[CFS_OWN_METACOPY], 0);
	t_eq(inodes[3].own_shares[CFS_OWN_METACOPY], CFS_PAIR_ONCE);
	cfs_contents_fini(&c);
	free(plan.shared);
	cfs_tree_free(t);
}

T(sha512_digests_are_stored_whole)
{
	uint8_t digest[CFS_SHA512_LEN];
	char path[2 * CFS_SHA512_LEN + 1];
	struct cfs_inode_spec file = empty_spec;
	struct cfs_builder *b = tree_start(CFS_SHA512, &dir_spec);
	struct cfs_mem im;
	struct raw_inode r;
	const uint8_t *entry;

	memset(digest, 0xcd, sizeof(digest));
	memset(path, 'c', sizeof(path));
	cfs_hex_encode(digest, 1, path);
	path[2] = '/';
	cfs_hex_encode(digest + 1, sizeof(digest) - 1, path + 3);
	file.size = 5000;
	file.digest = digest;
	file.payload = (struct cfs_text){path, sizeof(path)};
	tree_add(b, CFS_ROOT, "file", &file);
	im = image_of_builder(b, 1);
	r = raw_child(&im, "file");
	entry = r.p + r.head_len + 12;
	t_mem(entry, "\x10\x04\x44\0overlay.metacopy\0\x44\0\x02\xcd\xcd", 26);
	entry += 4 + 16 + 4 + CFS_SHA512_LEN;
	t_mem(entry, "\x10\x04\x82\0overlay.redirect/cd/cdcd", 28);
	t_eq(r.xattr_len, 12 + 88 + 152);
	free(im.p);
}
