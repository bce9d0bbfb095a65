/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs boot check: whether a deployment can be booted. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/watch.h"
#include "composefs/boot/boot.h"
#include "composefs/boot/place.h"

struct options {
	struct boot_options at;
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	BOOT_PLACE_OPTIONS(struct options, at),
	WHERE_OPTIONS(struct options, at.where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DEPLOYMENT]", NULL},
	.about = "Find out whether a deployment (default: next) can be booted: its entry "
		 "and kernel files, the\nimage, all objects, and a mount by the code of "
		 "the initrd in a private mount namespace.",
	.status = "0 it can be booted, 1 it cannot, 2 wrong usage",
	.example =
		(const char *const[]){"composefs boot check && systemctl reboot", NULL},
	.options = option_table,
	.complete_operand = boot_complete_deployment,
};

static void print_report(const struct cfs_deploy_report *report)
{
	for (size_t i = 0; i < report->n; i++) {
		const struct cfs_deploy_finding *f = &report->v[i];

		printf("%-8s %s", f->check, f->ok ? "ok" : "failed: ");
		cli_print(stdout, f->why);
		putchar('\n');
	}
}

static void print_json(const struct cfs_deployment *d,
		       const struct cfs_deploy_report *report)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	where_put_id(&j, "id", &d->image);
	json_put_bool(&j, "ok", report->ok);
	json_begin_array(&j, "checks");
	for (size_t i = 0; i < report->n; i++) {
		const struct cfs_deploy_finding *f = &report->v[i];

		json_begin_object(&j, NULL);
		json_put_string(&j, "check", f->check);
		json_put_bool(&j, "ok", f->ok);
		json_put_string(&j, "reason", f->ok ? NULL : f->why);
		json_end(&j);
	}
	json_finish(&j);
}

/* Returns CLI_FAILED if something failed that was printed. */
static int run_check(struct options *o, const char *wanted, const struct cfs_watch *watch,
		     struct cfs_err *err)
{
	struct cfs_deployments list = {0};
	struct cfs_deploy_place place;
	struct cfs_repo *repo = NULL;
	struct cfs_deployment *d;
	struct cfs_deploy_report *report = calloc(1, sizeof(*report));
	int rc = report ? 0 : cfs_fail(err, ENOMEM, "out of memory");
	int opened = boot_place_open(&o->at, false, &place, rc < 0 ? NULL : err);

	rc = rc < 0 ? rc : opened;
	if (rc == 0)
		rc = cfs_deployments_read(&place, CFS_DEPLOY_LOOK, &list, err);
	if (rc == 0)
		rc = cfs_deployments_find(&list, wanted, &d, err);
	if (rc == 0)
		rc = boot_repo_open(&o->at, CFS_REPO_READ, &repo, err);
	if (rc == 0)
		rc = cfs_deploy_check(&place, repo, d, watch, report, err);
	if (rc == 0 && o->json)
		print_json(d, report);
	else if (rc == 0)
		print_report(report);
	if (rc == 0 && !report->ok)
		rc = CLI_FAILED;
	cfs_repo_close(repo);
	cfs_deployments_fini(&list);
	cfs_deploy_close(&place);
	free(report);
	return rc;
}

int cmd_boot_check(int argc, char **argv)
{
	struct options o = {0};
	struct cli_watch watch;
	struct cfs_err err;
	int status = command_begin(&syntax, argc, argv, &o, 0, 1,
				   "expected at most one DEPLOYMENT");
	int rc;

	if (status >= 0)
		return status;
	cli_watch_start(&watch, argv[0]);
	o.at.where.watch = &watch.watch;
	rc = run_check(&o, argv[optind] ? argv[optind] : "next", &watch.watch, &err);
	cli_watch_end(&watch);
	return rc > 0 ? rc : command_end(argv[0], rc, &err);
}
