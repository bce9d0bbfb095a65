/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs du: show the disk usage of images, each alone and all together. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/repo/du_table.h"
#include "composefs/repo/commands.h"
#include "cli/verbosity.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	enum du_key sort;
	const char *html; /* HTML file to write, or NULL */
	bool pairs, apparent, no_cached, no_trunc, json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"sort", "KEY", AT(sort),
	 "Sort by frees (default), own, shared, total, fair, cached, entries or name",
	 CLI_CHOICE, .choices = du_keys, .group = "Options"},
	{"pairs", NULL, AT(pairs), "Show what each pair of the first 64 images shares"},
	{"apparent", NULL, AT(apparent), "Count file sizes instead of disk blocks"},
	{"no-cached", NULL, AT(no_cached),
	 "Do not query the page cache, which is faster"},
	{"html", "FILE", AT(html),
	 "Write an HTML page with a treemap to FILE instead of a table", CLI_TEXT},
	{"no-trunc", NULL, AT(no_trunc),
	 "Print complete IDs of images without a reference"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [IMAGE...]", NULL},
	.about =
		"Show the disk usage of images of the repository:\n"
		"  FREES   bytes that gc would remove after untag of all references of "
		"the image\n"
		"  OWN     objects that only this image references\n"
		"  SHARED  objects that other images reference, too\n"
		"  TOTAL   OWN and SHARED\n"
		"  CACHED  the part that is in the page cache now\n"
		"  ENTRIES the number of files, directories and so on\n"
		"gc keeps an image that is mounted, open or referenced by a stream, with "
		"or without a\nreference.",
	.example = (const char *const[]){"composefs du --repo=repo",
					 "composefs du --repo=repo --pairs os/1 os/2",
					 "composefs du --repo=repo --html=du.html", NULL},
	.options = option_table,
};

/* --- selection
 * ---------------------------------------------------------------------------- */

static bool is_shown(const struct du *du, size_t image)
{
	for (size_t i = 0; i < du->n_rows; i++)
		if (du->rows[i] == image)
			return true;
	return false;
}

static int select_du_image(const struct cfs_repo *repo, const char *name, struct du *du,
			   struct cfs_err *err)
{
	struct cfs_digest id;
	int rc = cfs_repo_find_image(repo, name, &id, err);

	for (size_t i = 0; rc == 0 && i < du->n_images; i++) {
		if (!cfs_digest_eq(&id, &du->images[i].id))
			continue;
		if (!is_shown(du, i))
			du->rows[du->n_rows++] = i;
		return 0;
	}
	/* The image was added after the list was read. */
	return rc < 0 ? rc
		      : cfs_fail(err, EAGAIN,
				 "image %s appeared during the run; try again", name);
}

static int select_images(const struct cfs_repo *repo, char **names, struct du *du,
			 struct cfs_err *err)
{
	int rc = 0;

	du->rows = calloc(du->n_images + 1, sizeof(*du->rows));
	if (!du->rows)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; !*names && i < du->n_images; i++)
		du->rows[du->n_rows++] = i;
	for (; rc == 0 && *names; names++)
		rc = select_du_image(repo, *names, du, err);
	return rc;
}

/* --- output
 * ------------------------------------------------------------------------------- */

/* Warns about all that makes the numbers smaller than the truth, on standard error, so
 * that the table stays parseable. */
static void print_du_warnings(const struct options *o, const struct cfs_gc_usage_total *t)
{
	if (t->n_missing)
		cli_print_warning(o->name, "%" PRIu64 " %s missing; see composefs fsck",
				  t->n_missing,
				  cfs_plural(t->n_missing, "object is", "objects are"));
	if (t->n_passed_over)
		cli_print_warning(
			o->name, "%" PRIu64 " %s not counted; see composefs fsck",
			t->n_passed_over,
			cfs_plural(
				t->n_passed_over,
				"entry of images/ is not a link of a repository and is",
				"entries of images/ are not links of a repository and "
				"are"));
	if (!t->use_known)
		cli_print_warning(o->name, "the kernel does not report for all images "
					   "whether they are mounted");
	if (!t->cached_known && !o->no_cached)
		cli_print_warning(o->name,
				  "the kernel does not report what is in the page cache");
}

/* Writes the page of --html. It is made in memory first and replaces the file at once,
 * so that a browser never reads half of it. */
static int write_page(const char *path, const struct du *du, struct cfs_err *err)
{
	cfs_autofree char *page = NULL;
	struct cfs_replace file;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);
	int rc;

	if (to)
		du_print_html(to, du);
	if (!to || fclose(to) != 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_replace_open(path, &file, err);
	if (rc == 0)
		rc = cfs_io_write(file.fd, page, len, err);
	if (rc == 0)
		rc = cfs_replace_commit(&file, err);
	else
		cfs_replace_abort(&file);
	return cfs_context(err, rc, "%s", path);
}

static int print_disk_usage(const struct options *o, const struct du *du,
			    struct cfs_err *err)
{
	int rc = o->html ? write_page(o->html, du, err) : 0;

	if (rc < 0)
		return rc;
	print_du_warnings(o, du->total);
	if (o->json)
		du_print_json(stdout, du);
	else if (!o->html)
		du_print_table(stdout, du);
	return 0;
}

static int print_with_pairs(const struct options *o, const struct cfs_gc_usage *usage,
			    struct du *du, struct cfs_err *err)
{
	size_t n = du->n_rows < CFS_GC_PAIRS_MAX ? du->n_rows : CFS_GC_PAIRS_MAX;
	cfs_autofree struct cfs_gc_usage_pair *pairs = NULL;
	int rc = 0;

	if (o->pairs) {
		pairs = calloc(n * n / 2 + 1, sizeof(*pairs));
		if (!pairs)
			return cfs_fail(err, ENOMEM, "out of memory");
		rc = cfs_gc_usage_compute_pairs(usage, du->rows, n, pairs, err);
		du->with_pairs = true;
		du->pairs = pairs;
		du->n_pairs = n ? n * (n - 1) / 2 : 0;
		du->n_compared = n;
	}
	return rc < 0 ? rc : print_disk_usage(o, du, err);
}

static int print_selected(const struct options *o, const struct cfs_repo *repo,
			  const struct cfs_gc_usage *usage, char **names,
			  struct cfs_err *err)
{
	struct du du = {.apparent = o->apparent,
			.full = o->no_trunc,
			.where = cfs_repo_get_path(repo)};
	int rc;

	du.images = cfs_gc_usage_get_images(usage, &du.n_images);
	du.total = cfs_gc_usage_get_totals(usage);
	rc = select_images(repo, names, &du, err);
	if (rc == 0) {
		du_sort(&du, o->sort);
		rc = print_with_pairs(o, usage, &du, err);
	}
	free(du.rows);
	return rc;
}

/* Computes the usage and prints it. Owns the repository and the usage while it runs. */
static int run_du(struct options *o, char **names, struct cfs_err *err)
{
	struct cli_watch watch;
	struct cfs_gc_usage_opts opts = {.apparent = o->apparent,
					 .no_cached = o->no_cached,
					 .watch = &watch.watch};
	struct cfs_gc_usage *usage = NULL;
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_READ, &repo, err);

	if (rc < 0)
		return rc;
	cli_watch_start(&watch, o->name);
	rc = cfs_gc_usage_open(repo, &opts, &usage, err);
	rc = cli_watch_end_reading(&watch, rc, err);
	if (rc == 0)
		rc = print_selected(o, repo, usage, names, err);
	cfs_gc_usage_close(usage);
	cfs_repo_close(repo);
	return rc;
}

int cmd_du(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 0, argc, "expected images"),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_du(&o, argv + optind, &err);
	return command_end(argv[0], rc, &err);
}
