/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tree: entries in any order, as archives have them, give the tree of a scan. */
#include "t.h"

#include "tree_text.h"

static struct cfs_err err;

static const struct cfs_inode_spec root_spec = {.mode = S_IFDIR};
static const struct cfs_inode_spec dir_spec = {.mode = S_IFDIR | 0755, .nlink = 1};

static struct cfs_place start(void)
{
	struct cfs_place p = {0};

	t_eq(cfs_builder_new(CFS_SHA256, &p.builder, &err), 0);
	t_eq(cfs_builder_set_root(p.builder, &root_spec, &err), 0);
	cfs_builder_settle_names(p.builder);
	return p;
}

static void put(struct cfs_place *p, const char *path, uint32_t mode, uint32_t uid)
{
	struct cfs_inode_spec spec = {.mode = mode, .nlink = 1, .uid = uid};

	if (cfs_place_put(p, cfs_text(path), &spec, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", path, err.msg);
}

static void put_link(struct cfs_place *p, const char *path, const char *target)
{
	if (cfs_place_put_link(p, cfs_text(path), cfs_text(target), &err) < 0)
		t_fail(__FILE__, __LINE__, "%s: %s", path, err.msg);
}

static void expect_text(struct cfs_place *p, const char *expected)
{
	struct cfs_tree *t;
	char *text;

	if (cfs_builder_freeze(&p->builder, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "freeze: %s", err.msg);
	text = tree_text(t, NULL);
	t_str(text, expected);
	free(text);
	cfs_tree_free(t);
	cfs_place_fini(p);
}

T(put_makes_missing_parents)
{
	struct cfs_place p = start();

	put(&p, "a/b/f", S_IFREG | 0644, 7);
	put(&p, "a/b/g", S_IFREG | 0644, 8);
	t_eq(p.n_implied, 2);
	put(&p, "a", S_IFDIR | 0700, 9);
	expect_text(&p, "/ 0 40000 1 0 0 0 0.0 - - -\n"
			"/a 0 40700 1 9 0 0 0.0 - - -\n"
			"/a/b 0 40755 1 0 0 0 0.0 - - -\n"
			"/a/b/f 0 100644 1 7 0 0 0.0 - - -\n"
			"/a/b/g 0 100644 1 8 0 0 0.0 - - -\n");
}

T(put_replaces_anything_but_the_entries_of_a_directory)
{
	struct cfs_place p = start();

	put(&p, "d", S_IFDIR | 0755, 1);
	put(&p, "d/f", S_IFREG | 0644, 1);
	put(&p, "d", S_IFDIR | 0700, 2);
	put(&p, "e", S_IFDIR | 0755, 1);
	put(&p, "e/gone", S_IFREG | 0644, 1);
	put(&p, "e", S_IFREG | 0600, 3);
	put(&p, "d/f", S_IFDIR | 0711, 4);
	put(&p, "d/f/x", S_IFREG | 0644, 5);
	put(&p, "", S_IFDIR | 0750, 6);
	expect_text(&p, "/ 0 40750 1 6 0 0 0.0 - - -\n"
			"/d 0 40700 1 2 0 0 0.0 - - -\n"
			"/d/f 0 40711 1 4 0 0 0.0 - - -\n"
			"/d/f/x 0 100644 1 5 0 0 0.0 - - -\n"
			"/e 0 100600 1 3 0 0 0.0 - - -\n");
}

/* The parent that is kept for the next entry is gone after it was replaced. */
T(put_does_not_add_to_a_directory_that_was_replaced)
{
	struct cfs_place p = start();

	put(&p, "d/f", S_IFREG | 0644, 1);
	put(&p, "d", S_IFREG | 0600, 2);
	put(&p, "d", S_IFDIR | 0700, 3);
	put(&p, "d/g", S_IFREG | 0644, 4);
	expect_text(&p, "/ 0 40000 1 0 0 0 0.0 - - -\n"
			"/d 0 40700 1 3 0 0 0.0 - - -\n"
			"/d/g 0 100644 1 4 0 0 0.0 - - -\n");
}

static void expect_refusal(struct cfs_place *p, const char *path, const char *target,
			   int rc, const char *msg)
{
	int got = target ? cfs_place_put_link(p, cfs_text(path), cfs_text(target), &err)
			 : cfs_place_put(p, cfs_text(path), &dir_spec, &err);

	t_eq(got, rc);
	t_has(err.msg, msg);
}

T(put_refuses_parents_that_are_no_directories_and_bad_links)
{
	struct cfs_place p = start();
	struct cfs_inode_spec link = {.mode = S_IFLNK | 0777,
				      .payload = CFS_TEXT("/etc")};

	t_eq(cfs_place_put(&p, CFS_TEXT("l"), &link, &err), 0);
	put(&p, "d", S_IFDIR | 0755, 1);
	expect_refusal(&p, "l/evil", NULL, -ENOTDIR, "expected a directory as parent");
	expect_refusal(&p, "h", "none", -ENOENT, "hard link target \"none\"");
	expect_refusal(&p, "h", "d", -EINVAL, "hard link target is a directory");
	expect_refusal(&p, "h", "", -EINVAL, "hard link target is a directory");
	expect_refusal(&p, "", "l", -ENOTDIR, "expected a directory as root");
	link.payload = CFS_TEXT("x");
	t_eq(cfs_place_put(&p, CFS_TEXT(""), &link, &err), -ENOTDIR);
	cfs_builder_free(p.builder);
	cfs_place_fini(&p);
}

T(put_stands_an_inode_at_its_first_name_and_counts_its_names)
{
	struct cfs_place p = start();

	put(&p, "z", S_IFREG | 0644, 1);
	put_link(&p, "m/x", "z");
	put_link(&p, "b", "m/x");
	put_link(&p, "m/a", "b");
	put(&p, "a", S_IFREG | 0644, 2);
	put_link(&p, "c", "a");
	expect_text(&p, "/ 0 40000 1 0 0 0 0.0 - - -\n"
			"/a 0 100644 2 2 0 0 0.0 - - -\n"
			"/b 0 100644 4 1 0 0 0.0 - - -\n"
			"/c 0 @100644 2 2 0 0 0.0 /a - -\n"
			"/m 0 40755 1 0 0 0 0.0 - - -\n"
			"/m/a 0 @100644 4 1 0 0 0.0 /b - -\n"
			"/m/x 0 @100644 4 1 0 0 0.0 /b - -\n"
			"/z 0 @100644 4 1 0 0 0.0 /b - -\n");
}

T(put_keeps_the_other_names_of_an_inode_that_is_replaced)
{
	struct cfs_place p = start();

	put(&p, "f", S_IFREG | 0644, 1);
	put_link(&p, "g", "f");
	put_link(&p, "h", "f");
	put(&p, "f", S_IFREG | 0600, 2);
	put_link(&p, "h", "h");
	put_link(&p, "f", "h");
	expect_text(&p, "/ 0 40000 1 0 0 0 0.0 - - -\n"
			"/f 0 100644 3 1 0 0 0.0 - - -\n"
			"/g 0 @100644 3 1 0 0 0.0 /f - -\n"
			"/h 0 @100644 3 1 0 0 0.0 /f - -\n");
}

T(put_links_into_a_directory_that_the_link_replaces)
{
	struct cfs_place p = start();

	put(&p, "d/f", S_IFREG | 0644, 1);
	put_link(&p, "d", "d/f");
	expect_text(&p, "/ 0 40000 1 0 0 0 0.0 - - -\n"
			"/d 0 100644 1 1 0 0 0.0 - - -\n");
}
