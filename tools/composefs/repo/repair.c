/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs repair: repair the damage that fsck reports. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "composefs/repo/report.h"
#include "composefs/repo/sources.h"
#include "cli/repo_option.h"
#include "cli/watch.h"
#include "check/check.h"
#include "cli/verbosity.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	struct cli_list from;
	struct repair_sources sources; /* the arguments of --from */
	bool json;
};

static const struct cli_option option_table[] = {
	{"from", "PLACE", CLI_AT(struct options, from),
	 "Fetch objects from a repository, object directory or URL; repeatable", CLI_LIST,
	 .group = "Options"},
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

/* Prints what was repaired and what is left. The report of the rest comes first: it
 * decides about the exit status. */
static void print_repair_result(const struct options *o,
				const struct cfs_check_repaired *r,
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
		if (left->n_missing && o->sources.n_dirs + o->sources.n_urls == 0)
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

/* Repairs the repository. *left receives what is still damaged, and the caller frees
 * it. Sources are checked first, so that a typo changes nothing. */
static int run_repair(struct options *o, struct cfs_check_report *left,
		      struct cfs_err *err)
{
	struct cfs_check_repaired all = {0};
	struct cli_watch watch;
	const struct cfs_check_opts opts = {.watch = &watch.watch};
	struct cfs_repo *repo;
	int rc = repair_sources_check(&o->sources, err);

	cli_watch_start(&watch, o->name);
	o->where.watch = &watch.watch;

	if (rc == 0)
		rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);
	if (rc == 0) {
		rc = repair_repo(&o->sources, repo, &opts, &all, left, err);
		cfs_repo_close(repo);
	}
	cli_watch_end(&watch);
	if (rc == 0)
		print_repair_result(o, &all, left);
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
	if (repair_sources_sort(&o.sources, argv[0], &o.from, &err) < 0) {
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
