/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: life of nodes, references, trees, hard links, copies. */
#include "nodes.h"

/* --- life --------------------------------------------------------------------------- */

T(compat_new_node_is_empty)
{
	struct lcfs_node_s *n = lcfs_node_new();
	struct timespec time = {1, 1};

	t_ok(n);
	t_eq(lcfs_node_get_mode(n), 0);
	t_eq(lcfs_node_get_nlink(n), 1);
	t_eq(lcfs_node_get_uid(n), 0);
	t_eq(lcfs_node_get_gid(n), 0);
	t_eq(lcfs_node_get_size(n), 0);
	t_eq(lcfs_node_get_rdev64(n), 0);
	lcfs_node_get_mtime(n, &time);
	t_ok(time.tv_sec == 0 && time.tv_nsec == 0);
	t_ok(!lcfs_node_get_name(n));
	t_ok(!lcfs_node_get_parent(n));
	t_ok(!lcfs_node_get_payload(n));
	t_ok(!lcfs_node_get_content(n));
	t_ok(!lcfs_node_get_fsverity_digest(n));
	t_ok(!lcfs_node_get_hardlink_target(n));
	t_eq(lcfs_node_get_n_children(n), 0);
	t_ok(!lcfs_node_get_child(n, 0));
	t_eq(lcfs_node_get_n_xattr(n), 0);
	t_ok(!lcfs_node_get_xattr_name(n, 0));
	t_ok(!lcfs_node_dirp(n));
	lcfs_node_unref(n);
	lcfs_node_unref(NULL);
}

T(compat_references_count)
{
	struct lcfs_node_s *n = lcfs_node_new();

	t_ok(lcfs_node_ref(n) == n);
	lcfs_node_unref(n);
	t_eq(lcfs_node_get_nlink(n), 1); /* still there, says the sanitizer */
	lcfs_node_unref(n);
}

T(compat_unref_leaves_the_reference_of_a_parent)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *child = node_add(root, "a", S_IFREG);

	lcfs_node_unref(child);
	lcfs_node_unref(child);
	t_str(lcfs_node_get_name(lcfs_node_get_child(root, 0)), "a");
	lcfs_node_unref(root);
}

T(compat_unref_leaves_the_references_of_hard_links)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "m", S_IFREG | 0644), *alone;

	node_link(root, "a", file);
	node_link(root, "z", file);
	for (int i = 0; i < 4; i++)
		lcfs_node_unref(file);
	t_eq(node_write_errno(root), 0);
	lcfs_node_unref(root);

	/* Nor does a target need a parent. */
	root = node_new(S_IFDIR | 0755);
	alone = node_new(S_IFREG | 0644);
	file = node_link(root, "a", alone);
	lcfs_node_unref(alone);
	lcfs_node_unref(alone);
	t_ok(lcfs_node_get_hardlink_target(file) == alone);
	t_eq(lcfs_node_get_nlink(alone), 2);
	lcfs_node_unref(root);
}

T(compat_last_unref_takes_the_subtree_apart)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *dir = node_add(root, "dir", S_IFDIR | 0755);
	struct lcfs_node_s *sub = node_add(dir, "sub", S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(sub, "file", S_IFREG | 0644);

	lcfs_node_ref(sub);
	lcfs_node_ref(file);
	lcfs_node_unref(root);
	/* A node with a reference survives as a bare node, without its children. */
	t_ok(!lcfs_node_get_name(sub));
	t_ok(!lcfs_node_get_parent(sub));
	t_eq(lcfs_node_get_n_children(sub), 0);
	t_ok(!lcfs_node_get_name(file));
	t_ok(!lcfs_node_get_parent(file));
	/* And can be used again. */
	t_eq(lcfs_node_add_child(sub, file, "again"), 0);
	t_str(lcfs_node_get_name(file), "again");
	lcfs_node_unref(sub);
}

T(compat_links_hold_their_targets)
{
	struct lcfs_node_s *a = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *b = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(a, "file", S_IFREG | 0644);
	struct lcfs_node_s *link = node_link(b, "link", file);

	lcfs_node_unref(a);
	t_ok(lcfs_node_get_hardlink_target(link) == file);
	t_ok(!lcfs_node_get_name(file));
	lcfs_node_unref(b);
}

T(compat_links_inside_a_tree_go_with_it_in_any_order)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *m = node_add(root, "m", S_IFREG | 0644);
	struct lcfs_node_s *b = node_link(root, "b", m), *z = node_link(root, "z", b);

	node_link(node_add(root, "n", S_IFDIR | 0755), "y", z);
	lcfs_node_unref(root);
}

/* --- the tree ----------------------------------------------------------------------- */

T(compat_add_child_takes_the_reference_only_on_success)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *n = node_new(S_IFREG);

	t_errno(lcfs_node_add_child(root, n, ""), -1, EINVAL);
	t_ok(!lcfs_node_get_name(n));
	lcfs_node_unref(n);
	n = node_add(root, "a", S_IFREG);
	t_ok(lcfs_node_get_parent(n) == root);
	t_str(lcfs_node_get_name(n), "a");
	lcfs_node_unref(root);
}

T(compat_add_child_checks_in_the_order_that_users_know)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755), *file = node_new(S_IFREG);
	struct lcfs_node_s *has = node_add(root, "has", S_IFREG), *n = lcfs_node_new();
	char name[258];

	memset(name, 'n', sizeof(name));
	name[257] = '\0';
	t_errno(lcfs_node_add_child(file, has, ""), -1, ENOTDIR);
	t_errno(lcfs_node_add_child(root, has, ""), -1, EINVAL);
	t_errno(lcfs_node_add_child(root, has, name), -1, ENAMETOOLONG);
	name[256] = '\0';
	t_errno(lcfs_node_add_child(root, n, name), -1, ENAMETOOLONG);
	t_errno(lcfs_node_add_child(root, has, "has"), -1, EMLINK);
	t_errno(lcfs_node_add_child(root, n, "has"), -1, EEXIST);
	name[255] = '\0';
	t_eq(lcfs_node_add_child(root, n, name), 0);
	t_str(lcfs_node_get_name(n), name);
	lcfs_node_unref(root);
	lcfs_node_unref(file);
}

T(compat_loops_of_directories_are_refused)
{
	struct lcfs_node_s *top = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *mid = node_add(top, "mid", S_IFDIR | 0755);
	struct lcfs_node_s *low = node_add(mid, "low", S_IFDIR | 0755);

	t_errno(lcfs_node_add_child(top, top, "self"), -1, ELOOP);
	t_errno(lcfs_node_add_child(low, top, "top"), -1, ELOOP);
	t_errno(lcfs_node_add_child(mid, top, "top"), -1, ELOOP);
	lcfs_node_unref(top);
}

T(compat_children_come_in_byte_order_however_they_were_added)
{
	static const char *const names[] = {"b", "a", "\xff", "B", "aa", "a.", "c", "A"};
	static const char *const order[] = {"A", "B", "a", "a.", "aa", "b", "c", "\xff"};
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);

	for (size_t i = 0; i < 8; i++) {
		struct lcfs_node_s *n = node_add(root, names[i], 0);

		t_ok(lcfs_node_lookup_child(root, names[i]) == n);
		t_errno(lcfs_node_lookup_child(root, "none"), NULL, 0);
	}
	t_eq(lcfs_node_get_n_children(root), 8);
	for (size_t i = 0; i < 8; i++) {
		struct lcfs_node_s *n = lcfs_node_get_child(root, i);

		t_str(lcfs_node_get_name(n), order[i]);
		t_ok(lcfs_node_lookup_child(root, order[i]) == n);
	}
	t_ok(!lcfs_node_get_child(root, 8));
	/* And when more come after somebody has looked. */
	node_add(root, "ab", 0);
	t_str(lcfs_node_get_name(lcfs_node_get_child(root, 5)), "ab");
	lcfs_node_unref(root);
}

T(compat_lookup_finds_nothing_in_what_is_no_directory)
{
	struct lcfs_node_s *n = node_new(S_IFDIR | 0755);

	node_add(n, "a", 0);
	lcfs_node_set_mode(n, S_IFREG | 0644);
	t_errno(lcfs_node_lookup_child(n, "a"), NULL, 0);
	t_eq(lcfs_node_get_n_children(n), 1);
	lcfs_node_unref(n);
}

T(compat_many_children_in_reverse_order_take_little_time)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	enum { N = 100000 };
	char name[16];

	for (int i = N - 1; i >= 0; i--) {
		snprintf(name, sizeof(name), "%06d", i);
		node_add(root, name, S_IFREG | 0644);
	}
	for (int i = 0; i < N; i += 997) {
		snprintf(name, sizeof(name), "%06d", i);
		t_str(lcfs_node_get_name(lcfs_node_get_child(root, (size_t)i)), name);
		t_ok(lcfs_node_lookup_child(root, name));
	}
	t_errno(lcfs_node_add_child(root, root, "x"), -1, ELOOP);
	lcfs_node_unref(root);
}

T(compat_reading_after_each_addition_takes_little_time)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	const uint32_t n = (uint32_t)t_scaled(50000);
	char name[16];

	for (uint32_t i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%08x", i * 2654435761u);
		node_add(root, name, 0);
		t_ok(lcfs_node_get_child(root, i));
	}
	for (uint32_t i = 1; i < n; i++) {
		const char *before = lcfs_node_get_name(lcfs_node_get_child(root, i - 1));

		t_ok(strcmp(before, lcfs_node_get_name(lcfs_node_get_child(root, i))) <
		     0);
	}
	lcfs_node_unref(root);
}

/* --- hard links --------------------------------------------------------------------- */

static struct lcfs_node_s *link_to(struct lcfs_node_s *target)
{
	struct lcfs_node_s *link = lcfs_node_new();

	lcfs_node_make_hardlink(link, target);
	return link;
}

/* The sanitizers and valgrind tell of what is not freed. */
T(compat_last_unref_frees_a_tree_with_links_to_its_own_top)
{
	struct lcfs_node_s *root = lcfs_node_new(), *sub = lcfs_node_new(), *held,
			   *outside;

	lcfs_node_set_mode(root, S_IFDIR);
	lcfs_node_set_mode(sub, S_IFDIR);
	t_eq(lcfs_node_add_child(root, sub, "sub"), 0);
	t_eq(lcfs_node_add_child(sub, link_to(root), "up"), 0);
	t_eq(lcfs_node_add_child(sub, link_to(sub), "here"), 0);
	t_eq(lcfs_node_add_child(root, link_to(root), "top"), 0);
	lcfs_node_unref(root);

	/* a link that somebody holds keeps its target, one from elsewhere all of the tree */
	root = lcfs_node_new();
	lcfs_node_set_mode(root, S_IFDIR);
	held = link_to(root);
	t_eq(lcfs_node_add_child(root, held, "up"), 0);
	lcfs_node_ref(held);
	outside = link_to(root);
	lcfs_node_unref(root);
	t_eq(lcfs_node_get_n_children(lcfs_node_get_hardlink_target(outside)), 1);
	t_ok(lcfs_node_get_parent(held) == root);
	lcfs_node_unref(outside);
	t_ok(lcfs_node_get_hardlink_target(held) == root);
	t_ok(!lcfs_node_get_parent(held));
	lcfs_node_unref(held);
}

T(compat_make_hardlink_counts_names_at_the_direct_target)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "a", S_IFREG | 0644);
	struct lcfs_node_s *b = node_link(root, "b", file);
	struct lcfs_node_s *c = node_link(root, "c", b), *other;

	t_ok(lcfs_node_get_hardlink_target(c) == b);
	t_eq(lcfs_node_get_nlink(file), 2);
	t_eq(lcfs_node_get_nlink(b), 2);
	t_eq(lcfs_node_get_nlink(c), 1);
	/* Again: counts again, and lets the former target go. */
	lcfs_node_make_hardlink(c, b);
	t_eq(lcfs_node_get_nlink(b), 3);
	other = node_add(root, "o", S_IFREG | 0644);
	lcfs_node_make_hardlink(c, other);
	t_ok(lcfs_node_get_hardlink_target(c) == other);
	t_eq(lcfs_node_get_nlink(other), 2);
	t_eq(node_write_errno(root), 0);
	lcfs_node_unref(root);
}

T(compat_links_that_cannot_be_make_the_write_fail)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "file", S_IFREG | 0644);
	struct lcfs_node_s *a = node_add(root, "a", 0), *b;

	lcfs_node_make_hardlink(a, a);
	t_eq(node_write_errno(root), EINVAL);
	lcfs_node_make_hardlink(a, file);
	t_eq(node_write_errno(root), 0);
	b = node_link(root, "b", a);
	node_link(root, "c", b);
	lcfs_node_make_hardlink(a, b); /* a circle of two */
	t_eq(node_write_errno(root), EINVAL);
	lcfs_node_unref(root);
}

T(compat_a_long_chain_of_links_takes_little_time)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *last = node_add(root, "first", S_IFREG | 0644);
	char name[16];

	for (int i = 0; i < 100000; i++) {
		snprintf(name, sizeof(name), "l%06d", i);
		last = node_link(root, name, last);
	}
	t_eq(node_write_errno(root), 0);
	lcfs_node_unref(root);
}

/* --- copies ------------------------------------------------------------------------- */

static void describe(struct lcfs_node_s *n)
{
	struct timespec time = {-5, 77};
	uint8_t digest[LCFS_DIGEST_SIZE] = {1, 2, 3};

	lcfs_node_set_uid(n, 1);
	lcfs_node_set_gid(n, 2);
	lcfs_node_set_rdev64(n, 3);
	lcfs_node_set_nlink(n, 4);
	lcfs_node_set_mtime(n, &time);
	t_eq(lcfs_node_set_content(n, (const uint8_t *)"hello", 5), 0);
	t_eq(lcfs_node_set_payload(n, "ab/cd"), 0);
	t_eq(lcfs_node_set_xattr(n, "user.a", "1", 1), 0);
	t_eq(lcfs_node_set_xattr(n, "user.b", "", 0), 0);
	lcfs_node_set_fsverity_digest(n, digest);
}

static void expect_same_data(struct lcfs_node_s *a, struct lcfs_node_s *b)
{
	struct timespec s, t;
	size_t len;

	t_eq(lcfs_node_get_mode(a), lcfs_node_get_mode(b));
	t_eq(lcfs_node_get_uid(a), lcfs_node_get_uid(b));
	t_eq(lcfs_node_get_gid(a), lcfs_node_get_gid(b));
	t_eq(lcfs_node_get_rdev64(a), lcfs_node_get_rdev64(b));
	t_eq(lcfs_node_get_nlink(a), lcfs_node_get_nlink(b));
	t_eq(lcfs_node_get_size(a), 5);
	lcfs_node_get_mtime(a, &s);
	lcfs_node_get_mtime(b, &t);
	t_ok(s.tv_sec == t.tv_sec && s.tv_nsec == t.tv_nsec);
	t_mem(lcfs_node_get_content(a), "hello", 5);
	t_str(lcfs_node_get_payload(a), "ab/cd");
	t_eq(lcfs_node_get_n_xattr(a), 2);
	t_str(lcfs_node_get_xattr_name(a, 0), "user.a");
	t_mem(lcfs_node_get_xattr(a, "user.a", &len), "1", 1);
	t_eq(len, 1);
	t_ok(lcfs_node_get_xattr(a, "user.b", &len));
	t_eq(len, 0);
	t_mem(lcfs_node_get_fsverity_digest(a), lcfs_node_get_fsverity_digest(b),
	      LCFS_DIGEST_SIZE);
}

T(compat_clone_copies_the_data_and_nothing_of_the_place)
{
	struct lcfs_node_s *root = node_new(S_IFDIR | 0755);
	struct lcfs_node_s *file = node_add(root, "file", S_IFREG | 0644), *copy;
	struct lcfs_node_s *link = node_link(root, "link", file);

	describe(file);
	copy = lcfs_node_clone(file);
	expect_same_data(copy, file);
	t_ok(!lcfs_node_get_name(copy));
	t_ok(!lcfs_node_get_parent(copy));
	lcfs_node_unref(copy);
	copy = lcfs_node_clone(link);
	t_ok(lcfs_node_get_hardlink_target(copy) == file);
	t_eq(lcfs_node_get_nlink(file), 4); /* a copy is no new name */
	lcfs_node_unref(copy);
	copy = lcfs_node_clone(root);
	t_eq(lcfs_node_get_n_children(copy), 0);
	lcfs_node_unref(copy);
	lcfs_node_unref(root);
}

T(compat_a_copy_and_its_original_change_apart)
{
	struct lcfs_node_s *file = node_new(S_IFREG | 0644), *copy;
	size_t len;

	describe(file);
	copy = lcfs_node_clone(file);
	t_eq(lcfs_node_set_xattr(copy, "user.a", "22", 2), 0);
	t_eq(lcfs_node_set_payload(copy, "other"), 0);
	t_eq(lcfs_node_set_content(copy, (const uint8_t *)"world", 5), 0);
	expect_same_data(file, file);
	lcfs_node_unref(file);
	t_mem(lcfs_node_get_xattr(copy, "user.a", &len), "22", 2);
	t_str(lcfs_node_get_payload(copy), "other");
	lcfs_node_unref(copy);
}

T(compat_clone_deep_copies_the_subtree_and_turns_links_inside_it)
{
	struct lcfs_node_s *top = node_new(S_IFDIR | 0755), *copy, *l;
	struct lcfs_node_s *root = node_add(top, "root", S_IFDIR | 0700);
	struct lcfs_node_s *outside = node_add(top, "outside", S_IFREG | 0644);
	struct lcfs_node_s *dir = node_add(root, "d", S_IFDIR | 0755), *file;

	node_link(root, "a", outside);
	file = node_add(dir, "f", S_IFREG | 0644);
	describe(file);
	node_link(dir, "e", node_link(root, "b", file));
	copy = lcfs_node_clone_deep(root);
	t_ok(copy);
	t_ok(!lcfs_node_get_name(copy));
	t_ok(!lcfs_node_get_parent(copy));
	t_eq(lcfs_node_get_n_children(copy), 3);
	t_ok(lcfs_node_get_hardlink_target(lcfs_node_lookup_child(copy, "a")) == outside);
	dir = lcfs_node_lookup_child(copy, "d");
	l = lcfs_node_lookup_child(copy, "b");
	t_ok(lcfs_node_get_hardlink_target(l) == lcfs_node_lookup_child(dir, "f"));
	t_ok(lcfs_node_get_hardlink_target(lcfs_node_lookup_child(dir, "e")) == l);
	t_ok(lcfs_node_get_parent(l) == copy);
	expect_same_data(lcfs_node_lookup_child(dir, "f"), file);
	lcfs_node_unref(top);
	t_eq(lcfs_node_get_n_children(copy), 3);
	lcfs_node_unref(copy);
}
