/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs du: what the images of a repository occupy, each alone and all together. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/repo/du_table.h"
#include "composefs/repo/commands.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	enum du_key sort;
	const char *html; /* the file to write a page to, or NULL */
	bool pairs, apparent, no_cached, json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"sort", "KEY", AT(sort),
	 "Largest first by frees (default), own, shared, total, fair, cached, entries; "
	 "or name",
	 CLI_CHOICE, .choices = du_keys, .group = "Options"},
	{"pairs", NULL, AT(pairs), "Show what each two of the first 64 images share"},
	{"apparent", NULL, AT(apparent),
	 "Count lengths of files, not the disk blocks that they occupy"},
	{"no-cached", NULL, AT(no_cached), "Do not ask what is in memory; it is quicker"},
	{"html", "FILE", AT(html),
	 "Write a page with a treemap to FILE, and print no table", CLI_TEXT},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [IMAGE...]", NULL},
	.about = "Says what images of the repository occupy:\n"
		 "  FREES   what gc would remove, were the names of the image taken away "
		 "(untag)\n"
		 "  OWN     what no other image has\n"
		 "  SHARED  what others have, too\n"
		 "  TOTAL   both: what it would occupy alone\n"
		 "  CACHED  what of it is in memory now (the page cache)\n"
		 "  ENTRIES files, directories and so on\n"
		 "An image that is mounted, open or named by a stream stays, whatever "
		 "its names.",
	.example = (const char *const[]){"composefs du --repo=repo",
					 "composefs du --repo=repo --pairs os/1 os/2",
					 "composefs du --repo=repo --html=du.html", NULL},
	.options = option_table,
};

/* --- which are shown --------------------------------------------------------------------- */

static bool is_shown(const struct du *du, size_t image)
{
	for (size_t i = 0; i < du->n_rows; i++)
		if (du->rows[i] == image)
			return true;
	return false;
}

static int choose_one(const struct cfs_repo *repo, const char *name, struct du *du,
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
	/* Added after the list was made. */
	return rc < 0 ? rc
		      : cfs_fail(err, EAGAIN,
				 "image %s appeared during the run; try again", name);
}

static int choose(const struct cfs_repo *repo, char **names, struct du *du,
		  struct cfs_err *err)
{
	int rc = 0;

	du->rows = calloc(du->n_images + 1, sizeof(*du->rows));
	if (!du->rows)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; !*names && i < du->n_images; i++)
		du->rows[du->n_rows++] = i;
	for (; rc == 0 && *names; names++)
		rc = choose_one(repo, *names, du, err);
	return rc;
}

/* --- telling ----------------------------------------------------------------------------- */

static void warn(const struct options *o, const struct cfs_gc_usage_total *t)
{
	if (t->n_missing)
		cli_print_message(o->name,
				  "warning: %" PRIu64
				  " objects are missing; see composefs fsck",
				  t->n_missing);
	if (t->n_passed_over)
		cli_print_message(o->name,
				  "warning: %" PRIu64
				  " entries of images/ are no links of ours, "
				  "and not counted; see fsck",
				  t->n_passed_over);
	if (!t->use_known)
		cli_print_message(o->name,
				  "warning: the kernel does not tell of all images "
				  "whether they are "
				  "mounted");
	if (!t->cached_known && !o->no_cached)
		cli_print_message(o->name,
				  "warning: the kernel does not tell what is in memory");
}

static int write_page(const char *path, const struct du *du, struct cfs_err *err)
{
	cfs_autofree char *page = NULL;
	struct cfs_replace file;
	size_t len = 0;
	FILE *to = open_memstream(&page, &len);
	int rc;

	if (to)
		du_html(to, du);
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

static int say(const struct options *o, const struct du *du, struct cfs_err *err)
{
	int rc = o->html ? write_page(o->html, du, err) : 0;

	if (rc < 0)
		return rc;
	warn(o, du->total);
	if (o->json)
		du_json(stdout, du);
	else if (!o->html)
		du_table(stdout, du);
	return 0;
}

static int say_with_pairs(const struct options *o, const struct cfs_gc_usage *usage,
			  struct du *du, struct cfs_err *err)
{
	size_t n = du->n_rows < CFS_GC_PAIRS_MAX ? du->n_rows : CFS_GC_PAIRS_MAX;
	cfs_autofree struct cfs_gc_usage_pair *pairs = NULL;
	int rc = 0;

	if (o->pairs) {
		pairs = calloc(n * n / 2 + 1, sizeof(*pairs));
		if (!pairs)
			return cfs_fail(err, ENOMEM, "out of memory");
		rc = cfs_gc_usage_pairs(usage, du->rows, n, pairs, err);
		du->with_pairs = true;
		du->pairs = pairs;
		du->n_pairs = n ? n * (n - 1) / 2 : 0;
		du->n_compared = n;
	}
	return rc < 0 ? rc : say(o, du, err);
}

static int tell(const struct options *o, const struct cfs_repo *repo,
		const struct cfs_gc_usage *usage, char **names, struct cfs_err *err)
{
	struct du du = {.apparent = o->apparent, .where = cfs_repo_path(repo)};
	int rc;

	du.images = cfs_gc_usage_images(usage, &du.n_images);
	du.total = cfs_gc_usage_totals(usage);
	rc = choose(repo, names, &du, err);
	if (rc == 0) {
		du_sort(&du, o->sort);
		rc = say_with_pairs(o, usage, &du, err);
	}
	free(du.rows);
	return rc;
}

static int run(struct options *o, char **names, struct cfs_err *err)
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
	cli_watch_end(&watch);
	if (rc == 0)
		rc = tell(o, repo, usage, names, err);
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
	rc = run(&o, argv + optind, &err);
	return command_end(argv[0], rc, &err);
}
