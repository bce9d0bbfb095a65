/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tree: names that are removed before freezing leave a tree as if they had never been added. */
#include "t.h"

#include "tree_text.h"

static struct cfs_err err;

static const struct cfs_inode_spec dir_spec = {.mode = S_IFDIR | 0755};

static struct cfs_builder *start(void)
{
	struct cfs_builder *b;

	t_eq(cfs_builder_new(CFS_SHA256, &b, &err), 0);
	t_eq(cfs_builder_set_root(b, &dir_spec, &err), 0);
	return b;
}

static cfs_id add(struct cfs_builder *b, cfs_id parent, const char *name, uint32_t mode,
		  uint32_t nlink)
{
	struct cfs_inode_spec spec = {
		.mode = mode, .nlink = nlink, .uid = (uint32_t)name[0]};
	cfs_id id;
	int rc = cfs_builder_add(b, parent, cfs_text(name), &spec, &id, &err);

	if (rc < 0)
		t_fail(__FILE__, __LINE__, "add %s: %s", name, err.msg);
	return id;
}

static cfs_id add_dir(struct cfs_builder *b, cfs_id parent, const char *name)
{
	return add(b, parent, name, S_IFDIR | 0755, 1);
}

static cfs_id add_file(struct cfs_builder *b, cfs_id parent, const char *name)
{
	return add(b, parent, name, S_IFREG | 0644, 1);
}

static cfs_id add_link(struct cfs_builder *b, const char *name, cfs_id target)
{
	cfs_id id;

	t_eq(cfs_builder_add_link(b, CFS_ROOT, cfs_text(name), &id, &err), 0);
	t_eq(cfs_builder_set_target(b, id, target, &err), 0);
	return id;
}

static char *frozen_text(struct cfs_builder *b)
{
	struct cfs_tree *t;
	char *text;

	if (cfs_builder_freeze(&b, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "freeze: %s", err.msg);
	text = tree_text(t, NULL);
	cfs_tree_free(t);
	return text;
}

static void check_equal(struct cfs_builder *got, struct cfs_builder *expected)
{
	char *a = frozen_text(got), *b = frozen_text(expected);

	t_str(a, b);
	free(a);
	free(b);
}

T(tree_without_a_removed_directory_equals_one_that_never_had_it)
{
	struct cfs_builder *b = start(), *expected = start();
	cfs_id dir = add_dir(b, CFS_ROOT, "dir"), sub = add_dir(b, dir, "sub");

	add_file(b, sub, "deep");
	add_file(b, dir, "a");
	add_file(b, CFS_ROOT, "z");
	add_file(b, add_dir(b, CFS_ROOT, "e"), "x");
	t_eq(cfs_builder_remove(b, dir, &err), 0);
	add_file(expected, CFS_ROOT, "z");
	add_file(expected, add_dir(expected, CFS_ROOT, "e"), "x");
	check_equal(b, expected);
}

T(tree_takes_a_removed_name_again_as_another_type)
{
	struct cfs_builder *b = start(), *expected = start();
	cfs_id found;

	add_file(b, add_dir(b, CFS_ROOT, "m"), "below");
	add_file(b, CFS_ROOT, "a");
	for (int i = 0; i < 3; i++) {
		t_eq(cfs_builder_find(b, CFS_ROOT, CFS_TEXT("m"), &found, &err), 0);
		t_ok(found != CFS_NO_NODE);
		t_eq(cfs_builder_remove(b, found, &err), 0);
		t_eq(cfs_builder_find(b, CFS_ROOT, CFS_TEXT("m"), &found, &err), 0);
		t_eq(found, CFS_NO_NODE);
		add_file(b, CFS_ROOT, "m");
	}
	add_file(expected, CFS_ROOT, "a");
	add_file(expected, CFS_ROOT, "m");
	check_equal(b, expected);
}

T(tree_keeps_an_inode_whose_first_name_is_removed)
{
	struct cfs_builder *b = start(), *expected = start();
	cfs_id first = add(b, CFS_ROOT, "first", S_IFREG | 0640, 4), heir;

	add_link(b, "gone", first);
	add_link(b, "heir", first);
	add_link(b, "last", first);
	t_eq(cfs_builder_find(b, CFS_ROOT, CFS_TEXT("gone"), &heir, &err), 0);
	t_eq(cfs_builder_remove(b, heir, &err), 0);
	t_eq(cfs_builder_remove(b, first, &err), 0);
	/* The inode is that of "first": its owner says so. */
	t_eq(cfs_builder_add(expected, CFS_ROOT, CFS_TEXT("heir"),
			     &(struct cfs_inode_spec){
				     .mode = S_IFREG | 0640, .nlink = 2, .uid = 'f'},
			     &heir, &err),
	     0);
	add_link(expected, "last", heir);
	check_equal(b, expected);
}

T(tree_directory_gets_other_metadata_and_keeps_its_entries)
{
	struct cfs_inode_spec other = {.mode = S_IFDIR | 0700, .uid = 7, .mtime_sec = 9};
	struct cfs_builder *b = start(), *expected = start();
	cfs_id dir = add_dir(b, CFS_ROOT, "dir"), same;

	add_file(b, dir, "a");
	t_eq(cfs_builder_update_dir(b, dir, &other, &err), 0);
	add_file(b, dir, "b");
	t_eq(cfs_builder_add(expected, CFS_ROOT, CFS_TEXT("dir"), &other, &same, &err),
	     0);
	add_file(expected, same, "a");
	add_file(expected, same, "b");
	check_equal(b, expected);
}

T(tree_refuses_to_remove_the_root_and_to_make_a_directory_of_a_file)
{
	struct cfs_builder *b = start();
	cfs_id file = add_file(b, CFS_ROOT, "file");

	t_eq(cfs_builder_remove(b, CFS_ROOT, &err), -EINVAL);
	t_eq(cfs_builder_update_dir(b, file, &dir_spec, &err), -ENOTDIR);
	t_eq(cfs_builder_update_dir(b, CFS_ROOT,
				    &(struct cfs_inode_spec){.mode = S_IFREG}, &err),
	     -ENOTDIR);
	cfs_builder_free(b);
}

T(tree_without_the_removed_names_of_a_directory_keeps_their_other_names)
{
	struct cfs_builder *b = start(), *expected = start();
	cfs_id dir = add_dir(b, CFS_ROOT, "dir"),
	       same = add_dir(expected, CFS_ROOT, "dir");
	cfs_id file = add(b, dir, "a", S_IFREG | 0644, 2);

	add_link(b, "x", file);
	add_file(b, add_dir(b, dir, "sub"), "deep");
	t_ok(cfs_builder_has_children(b, dir));
	t_eq(cfs_builder_remove_children(b, dir, &err), 0);
	t_ok(!cfs_builder_has_children(b, dir));
	t_ok(!cfs_builder_has_children(b, file));
	t_eq(cfs_builder_remove_children(b, file, &err), -ENOTDIR);
	add_file(b, dir, "sub");
	add_file(expected, same, "sub");
	{
		struct cfs_inode_spec spec = {
			.mode = S_IFREG | 0644, .nlink = 1, .uid = 'a'};
		cfs_id id;

		t_eq(cfs_builder_add(expected, CFS_ROOT, CFS_TEXT("x"), &spec, &id, &err),
		     0);
	}
	check_equal(b, expected);
}

/* A thousand steps at random, beside a list of the names that must be there. */
T(tree_is_right_after_any_number_of_additions_and_removals)
{
	enum { NAMES = 40, STEPS = 1000 };
	struct cfs_builder *b = start(), *expected = start();
	bool there[NAMES] = {0};
	uint32_t x = 1;

	for (int step = 0; step < STEPS; step++) {
		char name[8];
		unsigned i;
		cfs_id id;

		x = x * 1664525 + 1013904223;
		i = (x >> 16) % NAMES;
		snprintf(name, sizeof(name), "n%u", i);
		t_eq(cfs_builder_find(b, CFS_ROOT, cfs_text(name), &id, &err), 0);
		t_eq(id != CFS_NO_NODE, there[i]);
		if (there[i])
			t_eq(cfs_builder_remove(b, id, &err), 0);
		else
			add_file(b, add_dir(b, CFS_ROOT, name), "in");
		there[i] = !there[i];
		if (step % 100 == 99) {
			t_eq(cfs_builder_remove_children(b, CFS_ROOT, &err), 0);
			t_ok(!cfs_builder_has_children(b, CFS_ROOT));
			memset(there, 0, sizeof(there));
			step += 7; /* end with some names */
		}
	}
	for (unsigned i = 0; i < NAMES; i++) {
		char name[8];

		snprintf(name, sizeof(name), "n%u", i);
		if (there[i])
			add_file(expected, add_dir(expected, CFS_ROOT, name), "in");
	}
	check_equal(b, expected);
}
