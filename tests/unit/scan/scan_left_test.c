/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: what the caller writes to is left out of the tree, and told. */
#include "scan/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"
#include "tmpdir.h"

static struct cfs_err err;

/* What was told: "KIND WHAT PATH" below the source, one a line. */
struct told {
	char text[4096];
	size_t len;
};

static void note(void *ctx, const struct cfs_scan_left *left)
{
	struct told *told = ctx;

	told->len +=
		(size_t)snprintf(told->text + told->len, sizeof(told->text) - told->len,
				 "%d %s %s\n", left->kind, left->what ? left->what : "-",
				 left->path + strlen(tmp_dir()));
}

static struct cfs_scan_exclude exclude(const char *path, const char *name,
				       const char *what)
{
	struct stat st;

	t_eq(lstat(tmp_in(path), &st), 0);
	return (struct cfs_scan_exclude){st.st_dev, st.st_ino, name, what};
}

static void make_dir(const char *name)
{
	t_eq(mkdir(tmp_in(name), 0755), 0);
}

static void fill(void)
{
	tmp_fresh();
	make_dir("a");
	make_dir("a/store");
	make_dir("a/store/deep");
	tmp_text("a/store/deep/object", "x");
	make_dir("b");
	tmp_text("b/out", "x");
	tmp_text("b/stays", "x");
	tmp_text("out", "x");
	t_eq(link(tmp_in("out"), tmp_in("z")), 0);
}

static int scan(struct cfs_scan_exclude *list, size_t n, struct told *told,
		unsigned threads, struct cfs_tree **out)
{
	struct cfs_scan_opts opts = {.exclude = list,
				     .n_exclude = n,
				     .left = note,
				     .left_ctx = told,
				     .threads = threads};

	*told = (struct told){0};
	return cfs_scan(AT_FDCWD, tmp_dir(), &opts, out, &err);
}

static bool has(const struct cfs_tree *t, const char *dir, const char *name)
{
	cfs_id id = *dir ? cfs_tree_find(t, CFS_ROOT, cfs_text(dir)) : CFS_ROOT;

	return cfs_tree_find(t, id, cfs_text(name)) != CFS_NO_NODE;
}

T(scan_leaves_out_exclusions_and_reports_them_in_order)
{
	struct cfs_scan_exclude list[3];
	struct cfs_tree *t;
	struct told told;

	fill();
	list[0] = exclude("b", "out", "the image");
	list[1] = exclude("a/store", NULL, "the store");
	list[2] = exclude("out", NULL, "standard output");
	for (unsigned threads = 1; threads < 4; threads++) {
		t_eq(scan(list, 3, &told, threads, &t), 0);
		t_str(told.text, "0 standard output /out\n0 standard output /z\n"
				 "0 the store /a/store\n0 the image /b/out\n");
		t_ok(has(t, "", "a"));
		t_ok(!has(t, "a", "store"));
		t_ok(!has(t, "b", "out"));
		t_ok(has(t, "b", "stays"));
		t_ok(!has(t, "", "out"));
		t_ok(!has(t, "", "z"));
		t_eq(t->n_nodes, 4);
		cfs_tree_free(t);
	}
}

T(scan_excludes_a_name_in_its_own_directory_alone)
{
	struct cfs_scan_exclude list[1];
	struct cfs_tree *t;
	struct told told;

	fill();
	list[0] = exclude("b", "out", "the image");
	t_eq(scan(list, 1, &told, 1, &t), 0);
	t_ok(has(t, "", "out"));
	t_ok(!has(t, "b", "out"));
	cfs_tree_free(t);
}

T(scan_keeps_a_source_that_is_itself_excluded_and_reports_it)
{
	struct cfs_scan_exclude list[1];
	struct cfs_tree *t;
	struct told told;

	fill();
	list[0] = exclude("", NULL, "the store");
	t_eq(scan(list, 1, &told, 1, &t), 0);
	t_str(told.text, "3 the store \n");
	t_ok(has(t, "a", "store"));
	cfs_tree_free(t);
}

T(scan_ignores_exclusions_that_do_not_exist)
{
	struct cfs_scan_exclude list[1];
	struct cfs_tree *t;
	struct told told;

	fill();
	list[0] = exclude("b", "nothing", "the image");
	t_eq(scan(list, 1, &told, 1, &t), 0);
	t_str(told.text, "");
	cfs_tree_free(t);
}
