/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tree: every limit is kept, order of arrival does not matter, hard links are resolved. */
#include "t.h"

#include "tree/tree.h"

static struct cfs_err err;

static const struct cfs_inode_spec dir_spec = {.mode = S_IFDIR | 0755};
static const struct cfs_inode_spec file_spec = {.mode = S_IFREG | 0644, .nlink = 1};

static struct cfs_builder *start(void)
{
	struct cfs_builder *b;

	t_eq(cfs_builder_new(CFS_SHA256, &b, &err), 0);
	t_eq(cfs_builder_set_root(b, &dir_spec, &err), 0);
	return b;
}

static struct cfs_tree *finish(struct cfs_builder *b)
{
	struct cfs_tree *t;

	t_eq(cfs_builder_freeze(&b, &t, &err), 0);
	t_ok(b == NULL);
	return t;
}

static cfs_id add(struct cfs_builder *b, cfs_id parent, const char *name,
		  const struct cfs_inode_spec *spec)
{
	cfs_id id;
	int rc = cfs_builder_add(b, parent, cfs_text(name), spec, &id, &err);

	if (rc < 0)
		t_fail(__FILE__, __LINE__, "add %s: %s", name, err.msg);
	return id;
}

static int try_add(struct cfs_builder *b, const char *name,
		   const struct cfs_inode_spec *spec)
{
	cfs_id id;

	return cfs_builder_add(b, CFS_ROOT, cfs_text(name), spec, &id, &err);
}

T(children_are_sorted_by_bytes_whatever_the_order_of_insertion)
{
	static const char *const arrival[] = {"m", "z", "a", "\xff", "aa", "A", "-"};
	static const char *const order[] = {"-", "A", "a", "aa", "m", "z", "\xff"};
	struct cfs_builder *b = start();
	struct cfs_tree *t;

	for (size_t i = 0; i < 7; i++)
		add(b, CFS_ROOT, arrival[i], &file_spec);
	t = finish(b);
	t_eq(t->nodes[CFS_ROOT].n_children, 7);
	for (uint32_t i = 0; i < 7; i++)
		t_str(t->nodes[t->children[t->nodes[CFS_ROOT].first + i]].name, order[i]);
	t_eq(cfs_tree_find(t, CFS_ROOT, CFS_TEXT("aa")), 5);
	t_eq(cfs_tree_find(t, CFS_ROOT, CFS_TEXT("b")), CFS_NO_NODE);
	cfs_tree_free(t);
}

T(names_that_no_directory_can_hold_are_refused)
{
	char name[300];
	struct cfs_builder *b = start();

	memset(name, 'n', sizeof(name));
	name[256] = '\0';
	t_eq(try_add(b, name, &file_spec), -ENAMETOOLONG);
	t_str(err.msg, "name: expected at most 255 bytes, got 256");
	name[255] = '\0';
	t_eq(try_add(b, name, &file_spec), 0);
	t_eq(try_add(b, "", &file_spec), -EINVAL);
	t_eq(try_add(b, ".", &file_spec), -EINVAL);
	t_eq(try_add(b, "..", &file_spec), -EINVAL);
	t_eq(try_add(b, "a/b", &file_spec), -EINVAL);
	t_eq(try_add(b, name, &file_spec), -EEXIST);
	cfs_builder_free(b);
}

T(a_name_is_refused_the_second_time_in_any_order)
{
	struct cfs_builder *b = start();
	cfs_id d = add(b, CFS_ROOT, "d", &dir_spec), id;
	char name[16];

	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d", i * 7919 % 5000);
		add(b, d, name, &file_spec);
	}
	for (int i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "%d", i);
		t_eq(cfs_builder_add(b, d, cfs_text(name), &file_spec, &id, &err),
		     -EEXIST);
		t_eq(cfs_builder_find(b, d, cfs_text(name), &id, &err), 0);
		t_ok(id != CFS_NO_NODE);
	}
	t_eq(cfs_builder_find(b, d, CFS_TEXT("5000"), &id, &err), 0);
	t_eq(id, CFS_NO_NODE);
	add(b, CFS_ROOT, "5", &file_spec);
	cfs_tree_free(finish(b));
}

T(only_directories_have_children_and_the_root_is_one)
{
	struct cfs_builder *b;
	cfs_id file, id;

	t_eq(cfs_builder_new(CFS_SHA256, &b, &err), 0);
	t_eq(cfs_builder_set_root(b, &file_spec, &err), -ENOTDIR);
	t_eq(cfs_builder_set_root(b, &dir_spec, &err), 0);
	t_eq(cfs_builder_set_root(b, &dir_spec, &err), -EEXIST);
	file = add(b, CFS_ROOT, "f", &file_spec);
	t_eq(cfs_builder_add(b, file, CFS_TEXT("x"), &file_spec, &id, &err), -ENOTDIR);
	t_eq(cfs_builder_add_link(b, CFS_ROOT, CFS_TEXT("l"), &id, &err), 0);
	t_eq(cfs_builder_add(b, id, CFS_TEXT("x"), &file_spec, &id, &err), -ENOTDIR);
	cfs_builder_free(b);
	t_eq(cfs_builder_new(CFS_SHA256, &b, &err), 0);
	t_eq(cfs_builder_freeze(&b, &(struct cfs_tree *){NULL}, &err), -EINVAL);
	t_str(err.msg, "expected a root, got none");
}

T(file_types_and_sizes_outside_the_format_are_refused)
{
	struct cfs_inode_spec s = {.mode = 0644};
	struct cfs_builder *b = start();
	static char text[5001];

	t_eq(try_add(b, "a", &s), -EINVAL);
	s.mode = 030644;
	t_eq(try_add(b, "a", &s), -EINVAL);
	s = (struct cfs_inode_spec){.mode = S_IFREG, .size = CFS_EXTERNAL_MAX};
	t_eq(try_add(b, "a", &s), 0);
	s.size++;
	t_eq(try_add(b, "b", &s), -EFBIG);
	s.size = UINT64_MAX;
	t_eq(try_add(b, "b", &s), -EFBIG);
	s = (struct cfs_inode_spec){.mode = S_IFREG};
	memset(text, 'x', sizeof(text));
	s.content = (struct cfs_span){(const uint8_t *)text, 5000};
	t_eq(try_add(b, "c", &s), 0);
	s.content.len = 5001;
	t_eq(try_add(b, "d", &s), -EINVAL);
	s = (struct cfs_inode_spec){.mode = S_IFLNK};
	t_eq(try_add(b, "e", &s), -EINVAL);
	s.payload = (struct cfs_text){text, 4095};
	t_eq(try_add(b, "e", &s), 0);
	s.payload.len = 4096;
	t_eq(try_add(b, "f", &s), -ENAMETOOLONG);
	s.mode = S_IFDIR;
	t_eq(try_add(b, "f", &s), -ENAMETOOLONG);
	cfs_builder_free(b);
}

static int add_xattrs(struct cfs_builder *b, const char *name, const struct cfs_xattr *x,
		      size_t n)
{
	struct cfs_inode_spec s = {.mode = S_IFREG, .xattrs = x, .n_xattrs = n};

	return try_add(b, name, &s);
}

T(xattr_budget_is_exact)
{
	static uint8_t value[65536];
	struct cfs_xattr x[2] = {{CFS_TEXT("user.a"), {value, 32767 - 19 - 6}},
				 {CFS_TEXT("user.b"), {value, 0}}};
	struct cfs_builder *b = start();
	char key[257];

	t_eq(add_xattrs(b, "a", x, 1), 0);
	x[0].value.len++;
	t_eq(add_xattrs(b, "b", x, 1), -ERANGE);
	x[0].value.len = 65536;
	t_eq(add_xattrs(b, "b", x, 1), -EINVAL);
	x[0].value.len = 32767 - 19 - 6 - 13;
	t_eq(add_xattrs(b, "b", x, 2), 0);
	x[0].value.len++;
	t_eq(add_xattrs(b, "c", x, 2), -ERANGE);
	memset(key, 'k', sizeof(key));
	x[0] = (struct cfs_xattr){{key, 255}, {value, 1}};
	t_eq(add_xattrs(b, "d", x, 1), 0);
	x[0].key.len = 256;
	t_eq(add_xattrs(b, "e", x, 1), -ERANGE);
	x[0].key.len = 0;
	t_eq(add_xattrs(b, "e", x, 1), -ERANGE);
	cfs_builder_free(b);
}

T(xattrs_without_a_budget_still_have_a_number)
{
	static struct cfs_xattr x[UINT16_MAX + 1];
	static char keys[UINT16_MAX + 1][16];
	struct cfs_builder *b = start();

	for (size_t i = 0; i <= UINT16_MAX; i++) {
		snprintf(keys[i], sizeof(keys[i]), "user.%zu", i);
		x[i].key = cfs_text(keys[i]);
	}
	cfs_builder_lift_budget(b);
	t_eq(add_xattrs(b, "a", x, UINT16_MAX + 1), -ERANGE);
	t_eq(add_xattrs(b, "a", x, UINT16_MAX), 0);
	cfs_builder_free(b);
}

T(xattr_set_again_replaces_and_gives_its_cost_back)
{
	static uint8_t value[30000];
	struct cfs_xattr x[] = {{CFS_TEXT("user.z"), {value, 30000}},
				{CFS_TEXT("user.a"), {value, 1}},
				{CFS_TEXT("user.z"), {value, 2}},
				{CFS_TEXT("user.m"), {value, 30000}}};
	struct cfs_builder *b = start();
	const struct cfs_node *n;
	struct cfs_tree *t;

	t_eq(add_xattrs(b, "f", x, 4), 0);
	t_eq(add_xattrs(b, "g", x + 1, 1), 0);
	t = finish(b);
	n = &t->nodes[1];
	t_eq(n->n_xattrs, 3);
	t_str(t->keys[t->pairs[n->xattrs[0]].key].s, "user.a");
	t_str(t->keys[t->pairs[n->xattrs[1]].key].s, "user.m");
	t_str(t->keys[t->pairs[n->xattrs[2]].key].s, "user.z");
	t_eq(t->pairs[n->xattrs[2]].value_len, 2);
	t_eq(t->nodes[2].xattrs[0], n->xattrs[0]);
	cfs_tree_free(t);
}

T(many_distinct_xattrs_stay_distinct)
{
	struct cfs_builder *b = start();
	struct cfs_tree *t;
	char name[16], key[16];

	for (uint32_t i = 0; i < 20000; i++) {
		struct cfs_xattr x;

		snprintf(name, sizeof(name), "%06u", i);
		snprintf(key, sizeof(key), "user.%u", i % 300);
		x.key = cfs_text(key);
		x.value = (struct cfs_span){(const uint8_t *)&i, sizeof(i)};
		t_eq(add_xattrs(b, name, &x, 1), 0);
	}
	t = finish(b);
	t_eq(t->n_pairs, 20000);
	t_eq(t->n_keys, 300);
	for (uint32_t i = 0; i < 20000; i++)
		t_mem(t->pairs[t->nodes[i + 1].xattrs[0]].value, &i, sizeof(i));
	cfs_tree_free(t);
}

T(object_path_is_kept_as_digest_and_comes_back_as_text)
{
	static const char path[] =
		"35/d02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408";
	static const char upper[] =
		"35/D02f81325122d77ec1d11baba655bc9bf8a891ab26119a41c50fa03ddfb408";
	uint8_t digest[32] = {0x35, 0xd0};
	char buf[CFS_PAYLOAD_BUF];
	struct cfs_inode_spec s = {.mode = S_IFREG, .size = 9, .payload = cfs_text(path)};
	struct cfs_builder *b = start();
	struct cfs_tree *t;

	add(b, CFS_ROOT, "a", &s);
	s.digest = digest;
	add(b, CFS_ROOT, "b", &s);
	s.payload = cfs_text(upper);
	add(b, CFS_ROOT, "c", &s);
	t = finish(b);
	t_eq(t->nodes[1].payload_kind, CFS_PAYLOAD_OBJECT);
	t_eq(t->nodes[2].payload_kind, CFS_PAYLOAD_OBJECT);
	t_ok(t->nodes[2].payload != t->nodes[2].digest);
	t_eq(t->nodes[3].payload_kind, CFS_PAYLOAD_TEXT);
	for (cfs_id id = 1; id <= 3; id++) {
		struct cfs_text back = cfs_node_get_payload(t, &t->nodes[id], buf);

		t_ok(cfs_text_eq(back, cfs_text(id == 3 ? upper : path)));
	}
	cfs_tree_free(t);
}

T(object_path_equal_to_the_digest_shares_its_bytes)
{
	struct cfs_inode_spec s = {.mode = S_IFREG, .size = 9};
	uint8_t digest[32];
	char path[66];
	struct cfs_builder *b = start();
	struct cfs_tree *t;

	memset(digest, 0xab, sizeof(digest));
	cfs_hex_encode(digest, 1, path);
	path[2] = '/';
	cfs_hex_encode(digest + 1, 31, path + 3);
	s.payload = (struct cfs_text){path, 65};
	s.digest = digest;
	add(b, CFS_ROOT, "a", &s);
	t = finish(b);
	t_ok(t->nodes[1].payload == t->nodes[1].digest);
	cfs_tree_free(t);
}

T(fields_that_a_type_does_not_use_are_dropped)
{
	uint8_t digest[32] = {1};
	struct cfs_inode_spec s = {
		.mode = S_IFREG, .payload = CFS_TEXT("p"), .digest = digest, .rdev = 7};
	struct cfs_builder *b = start();
	struct cfs_tree *t;

	add(b, CFS_ROOT, "empty", &s);
	s.content = (struct cfs_span){digest, 4};
	add(b, CFS_ROOT, "inline", &s);
	t = finish(b);
	for (cfs_id id = 1; id <= 2; id++) {
		t_ok(!t->nodes[id].digest && !t->nodes[id].rdev);
		t_eq(t->nodes[id].payload_kind, CFS_PAYLOAD_NONE);
	}
	t_eq(t->nodes[2].size, 4);
	t_ok(!cfs_node_is_external(&t->nodes[1]) && !cfs_node_is_external(&t->nodes[2]));
	cfs_tree_free(t);
}

static cfs_id add_link(struct cfs_builder *b, const char *name)
{
	cfs_id id;

	t_eq(cfs_builder_add_link(b, CFS_ROOT, cfs_text(name), &id, &err), 0);
	return id;
}

T(chains_of_hard_links_end_at_the_inode)
{
	struct cfs_builder *b = start();
	cfs_id a = add_link(b, "a"), c = add_link(b, "c"), d = add_link(b, "d"), f;
	struct cfs_tree *t;

	f = add(b, CFS_ROOT, "b", &file_spec);
	t_eq(cfs_builder_set_target(b, a, c, &err), 0);
	t_eq(cfs_builder_set_target(b, c, d, &err), 0);
	t_eq(cfs_builder_set_target(b, d, f, &err), 0);
	t = finish(b);
	t_eq(cfs_tree_inode(t, a), f);
	t_eq(cfs_tree_inode(t, c), f);
	t_eq(cfs_tree_inode(t, f), f);
	cfs_tree_free(t);
}

T(very_long_chain_of_hard_links_is_resolved_in_linear_time)
{
	struct cfs_builder *b = start();
	cfs_id file = add(b, CFS_ROOT, "0", &file_spec), first = add_link(b, "1"),
	       last = first;
	struct cfs_tree *t;
	char name[16];

	for (int i = 0; i < 200000; i++) {
		cfs_id id;

		snprintf(name, sizeof(name), "1%06d", i);
		id = add_link(b, name);
		t_eq(cfs_builder_set_target(b, last, id, &err), 0);
		last = id;
	}
	t_eq(cfs_builder_set_target(b, last, file, &err), 0);
	t = finish(b);
	t_eq(cfs_tree_inode(t, first), file);
	t_eq(cfs_tree_inode(t, last), file);
	cfs_tree_free(t);
}

T(hard_links_in_a_circle_to_nothing_or_to_directories_are_refused)
{
	struct cfs_builder *b = start();
	cfs_id a = add_link(b, "a"), c = add_link(b, "c"), e = add_link(b, "e");
	cfs_id d = add(b, CFS_ROOT, "f", &dir_spec);
	struct cfs_tree *t;

	t_eq(cfs_builder_set_target(b, a, a, &err), -EINVAL);
	t_eq(cfs_builder_set_target(b, a, d, &err), -EINVAL);
	t_eq(cfs_builder_set_target(b, a, c, &err), 0);
	t_eq(cfs_builder_set_target(b, c, e, &err), 0);
	t_eq(cfs_builder_set_target(b, e, c, &err), 0);
	t_eq(cfs_builder_freeze(&b, &t, &err), -ELOOP);
	t_str(err.msg, "hard link /a: its targets form a loop");
	b = start();
	add_link(b, "x");
	t_eq(cfs_builder_freeze(&b, &t, &err), -EINVAL);
	t_str(err.msg, "hard link /x: has no target");
}

T(path_in_a_message_is_cut_at_its_front)
{
	struct cfs_builder *b = start();
	cfs_id d = add(b, CFS_ROOT, "dir", &dir_spec), f = add(b, d, "file", &file_spec);
	struct cfs_tree *t = finish(b);
	char buf[64];

	t_str(cfs_tree_format_path(t, f, buf, sizeof(buf)), "/dir/file");
	t_str(cfs_tree_format_path(t, CFS_ROOT, buf, sizeof(buf)), "/");
	t_str(cfs_tree_format_path(t, f, buf, 12), ".../file");
	cfs_tree_free(t);
}
