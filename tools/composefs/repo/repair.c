/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs repair: repair the damage that fsck reports. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fetch/fetch.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/report.h"
#include "cli/repo_option.h"
#include "cli/watch.h"
#include "check/check.h"
#include "cli/verbosity.h"

enum { FROM_MAX = 64, SHOWN_MAX = 512 };

struct options {
	const char *name; /* of the program */
	struct where where;
	const char *dirs[FROM_MAX], *urls[FROM_MAX]; /* the arguments of --from */
	size_t n_dirs, n_urls;
	struct cli_list from;
	bool json;
};

/* Sorts the arguments of --from into directories and URLs. */
static int sort_places(struct options *o, struct cfs_err *err)
{
	char shown[SHOWN_MAX];

	if (o->from.n > FROM_MAX)
		return cfs_fail(err, E2BIG, "--from: expected at most %d places, got %zu",
				FROM_MAX, o->from.n);
	for (size_t i = 0; i < o->from.n; i++) {
		const char *place = o->from.v[i];

		if (cfs_fetch_is_url(place))
			o->urls[o->n_urls++] = place;
		else if (!strstr(place, "://"))
			o->dirs[o->n_dirs++] = place;
		else
			return cfs_fail(
				err, EINVAL,
				"--from: expected a directory, or an http or https "
				"URL, got \"%s\"",
				cfs_fetch_public_url(place, shown, sizeof(shown)));
	}
	return 0;
}

static const struct cli_option option_table[] = {
	{"from", "PLACE", CLI_AT(struct options, from),
	 "Fetch objects from this repository, object directory or URL; may be repeated",
	 CLI_LIST, .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "Check and repair the repository: move damaged objects to "
		 ".quarantine, fetch them and\nmissing objects from other places, and "
		 "create broken links again.",
	.status = "0 no damage is left, 1 failure, 2 wrong usage, 3 damage is left",
	.example =
		(const char *const[]){
			"composefs repair --repo=repo --from=/mnt/backup/repo",
			"composefs repair --repo=repo --from=https://example.org/repo",
			NULL},
	.options = option_table,
};

static void print_result(const struct options *o, const struct cfs_check_repaired *r,
			 const struct cfs_check_report *left)
{
	struct json j = {.to = stdout};

	if (!o->json) {
		report_print(o->name, left);
		if (cli_is_quiet())
			return;
		printf("moved aside: %" PRIu64 ", fetched: %" PRIu64 ", sealed: %" PRIu64
		       ", links made anew: %" PRIu64 ", links dropped: %" PRIu64 "\n",
		       r->n_quarantined, r->n_fetched, r->n_sealed, r->n_relinked,
		       r->n_dropped);
		if (left->n_missing && o->n_dirs + o->n_urls == 0)
			cli_print_note(o->name, "--from=PLACE fetches missing objects");
		return;
	}
	json_begin_object(&j, NULL);
	json_put_uint(&j, "objects_quarantined", r->n_quarantined);
	json_put_uint(&j, "objects_fetched", r->n_fetched);
	json_put_uint(&j, "objects_sealed", r->n_sealed);
	json_put_uint(&j, "links_created", r->n_relinked);
	json_put_uint(&j, "links_removed", r->n_dropped);
	report_put_json(&j, "left", left);
	json_finish(&j);
}

static uint64_t add_counts(struct cfs_check_repaired *all,
			   const struct cfs_check_repaired *now)
{
	all->n_quarantined += now->n_quarantined;
	all->n_fetched += now->n_fetched;
	all->n_sealed += now->n_sealed;
	all->n_relinked += now->n_relinked;
	all->n_dropped += now->n_dropped;
	return now->n_quarantined + now->n_fetched + now->n_sealed + now->n_relinked +
	       now->n_dropped;
}

/* --- Servers ------------------------------------------------------------------------ */

/* The base URLs of --from. */
struct servers {
	const char *name; /* of the program */
	const char *dir;  /* for temporary files */
	const char *const *urls;
	const struct cfs_watch *watch; /* may be NULL */
};

static void print_tally(const struct servers *s, const char *url, size_t n,
			const struct cfs_fetch_tally *t)
{
	char shown[SHOWN_MAX];

	if (t->fetched == n)
		return;
	cli_print_message(s->name,
			  "%s: %zu fetched, %zu missing, %zu wrong, %zu failed, %zu not "
			  "tried%s%s",
			  cfs_fetch_public_url(url, shown, sizeof(shown)), t->fetched,
			  t->absent, t->wrong, t->failed,
			  n - t->fetched - t->absent - t->wrong - t->failed,
			  *t->why ? "; " : "", t->why);
}

/* cfs_check_sources.fetch; ctx is a struct servers. */
static int fetch_from_server(void *ctx, size_t k, const struct cfs_check_want *v,
			     size_t n, cfs_check_take *take, void *take_ctx,
			     struct cfs_err *err)
{
	const struct servers *s = ctx;
	struct cfs_fetch_server server = {s->urls[k], s->dir, s->watch};
	cfs_autofree struct cfs_fetch_want *wants = calloc(n + 1, sizeof(*wants));
	struct cfs_fetch_tally tally;
	int rc;

	if (!wants)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		wants[i] = (struct cfs_fetch_want){v[i].id, v[i].max_size};
	rc = cfs_fetch_objects(&server, wants, n, take, take_ctx, &tally, err);
	if (rc == 0)
		print_tally(s, server.url, n, &tally);
	return rc;
}

/* --- Repair ------------------------------------------------------------------------- */

/* Checks and repairs until nothing changes, because a fetched image may reference missing
 * objects. *left is the result of the last check. */
static int repair_repo(const struct options *o, struct cfs_repo *repo,
		       struct cfs_check_repaired *all, struct cfs_check_report *left,
		       struct cfs_err *err)
{
	struct servers servers = {o->name, cfs_repo_path(repo), o->urls, o->where.watch};
	const struct cfs_check_sources from = {.dirs = o->dirs,
					       .n_dirs = o->n_dirs,
					       .fetch = fetch_from_server,
					       .n_others = o->n_urls,
					       .ctx = &servers,
					       .watch = o->where.watch};
	struct cfs_check_opts opts = {.watch = o->where.watch};
	struct cfs_check_repaired now;
	int rc = cfs_check_repo(repo, &opts, left, err);

	while (rc == 0 && cfs_check_report_is_bad(left)) {
		rc = cfs_check_repair(repo, left, &from, &now, err);
		if (rc < 0 || add_counts(all, &now) == 0)
			break;
		cfs_check_report_fini(left);
		rc = cfs_check_repo(repo, &opts, left, err);
	}
	return rc;
}

/* A missing directory is probably a typing mistake, so it is an error, unlike a directory
 * without the object. */
static int check_places(const struct options *o, struct cfs_err *err)
{
	for (size_t i = 0; i < o->n_dirs; i++) {
		cfs_autofd int fd = open(o->dirs[i], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return cfs_fail_errno(err, "from %s", o->dirs[i]);
	}
	return 0;
}

static int run_repair(struct options *o, struct cfs_check_report *left,
		      struct cfs_err *err)
{
	struct cfs_check_repaired all = {0};
	struct cli_watch watch;
	struct cfs_repo *repo;
	int rc = check_places(o, err);

	cli_watch_start(&watch, o->name);
	o->where.watch = &watch.watch;

	if (rc == 0)
		rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);
	if (rc == 0) {
		rc = repair_repo(o, repo, &all, left, err);
		cfs_repo_close(repo);
	}
	cli_watch_end(&watch);
	if (rc == 0)
		print_result(o, &all, left);
	return rc;
}

int cmd_repair(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand"),
	    rc;
	struct cfs_check_report left = {0};
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (sort_places(&o, &err) < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		cli_list_fini(&o.from);
		return CLI_USAGE;
	}
	rc = run_repair(&o, &left, &err);
	cli_list_fini(&o.from);
	status = command_end(argv[0], rc, &err);
	if (status == CLI_OK && cfs_check_report_is_bad(&left))
		status = STATUS_DAMAGED;
	cfs_check_report_fini(&left);
	return status;
}
