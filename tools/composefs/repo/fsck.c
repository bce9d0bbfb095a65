/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs fsck of a repository, or of one image in it. cmd_fsck checks an image
 * file. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/cfsctl_text.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/idle.h"
#include "composefs/repo/report.h"
#include "cli/repo_option.h"
#include "cli/watch.h"
#include "cli/verbosity.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	bool metadata_only, background, json;
};

static const struct cli_option option_table[] = {
	{"metadata-only", NULL, CLI_AT(struct options, metadata_only),
	 "Do not read the contents of objects", .group = "Options for a repository"},
	{"background", NULL, CLI_AT(struct options, background),
	 "Run with idle priority and do not fill the page cache"},
	{"json", NULL, CLI_AT(struct options, json),
	 "Print all findings as one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [--repo=DIR]",
				       "[OPTIONS] --repo=DIR IMAGE", NULL},
	.about = "Check a repository: objects, streams, images and references. With "
		 "IMAGE, "
		 "check one image\nof it and its objects.",
	.status =
		"0 sound, 1 could not be read, 2 wrong usage, 3 damaged; of an image: 4 "
		"objects missing",
	.example =
		(const char *const[]){"composefs fsck --repo=repo --metadata-only", NULL},
	.options = option_table,
};

/* Checks the repository and fills in *out, which the caller frees. Damage is part of
 * the report: only a check that could not run returns an error. */
static int check_whole_repo(struct options *o, struct cfs_check_report *out,
			    struct cfs_err *err)
{
	struct cli_watch watch;
	struct cfs_check_opts opts = {.metadata_only = o->metadata_only,
				      .background = o->background,
				      .watch = &watch.watch};
	struct cfs_repo *repo;
	int rc;

	cli_watch_start(&watch, o->name);
	o->where.watch = &watch.watch;
	rc = where_open(&o->where, CFS_REPO_READ, &repo, err);
	if (rc == 0) {
		if (o->background)
			idle_set_priority();
		rc = cfs_check_repo(repo, &opts, out, err);
		cfs_repo_close(repo);
	}
	return cli_watch_end_reading(&watch, rc, err);
}

/* As cfsctl, the status is that of cfsctl: with --json, damage is not a failure. */
static int get_status(const struct options *o, const struct cfs_check_report *r)
{
	if (!cfs_check_report_is_bad(r))
		return CLI_OK;
	if (cli_is_cfsctl())
		return o->json ? CLI_OK : CLI_FAILED;
	return STATUS_DAMAGED;
}

/* Runs the check and prints its report. Returns the exit status, which tells damage
 * apart from a check that failed. */
static int fsck_repo(struct options *o)
{
	struct cfs_check_report report = {0};
	struct json j = {.to = stdout};
	struct cfs_err err;
	int rc = check_whole_repo(o, &report, &err),
	    status = command_end(o->name, rc, &err);

	if (rc == 0) {
		status = get_status(o, &report);
		if (o->json) {
			report_put_json(&j, NULL, &report);
			json_finish(&j);
		} else if (cli_is_cfsctl()) {
			cfsctl_print_fsck(o->name, &report, o->metadata_only);
		} else {
			report_print(o->name, &report);
			if (cfs_check_report_is_bad(&report))
				cli_print_note(
					o->name,
					"composefs repair restores links and moves "
					"damaged objects to .quarantine; with "
					"--from=PLACE it fetches missing objects; "
					"composefs untag removes a damaged reference");
		}
	}
	cfs_check_report_fini(&report);
	return status;
}

/* Checks the image like an image file, with the objects of the repository. */
static int fsck_image(struct options *o, const char *image)
{
	char objects[PATH_MAX], file[PATH_MAX], below[CFS_OBJECT_PATH_MAX];
	char json[] = "--json", name[64], *argv[5];
	struct cfs_repo *repo = NULL;
	struct cfs_digest id;
	struct cfs_err err;
	int argc = 0, rc = where_open(&o->where, CFS_REPO_READ, &repo, &err), status;

	if (rc == 0)
		rc = cfs_repo_find_image(repo, image, &id, &err);
	if (rc < 0) {
		cfs_repo_close(repo);
		return command_end(o->name, rc, &err);
	}
	snprintf(objects, sizeof(objects), "--objects=%s/objects",
		 cfs_repo_get_path(repo));
	snprintf(file, sizeof(file), "%s/objects/%s", cfs_repo_get_path(repo),
		 cfs_digest_path(&id, below));
	snprintf(name, sizeof(name), "%s", o->name);
	argv[argc++] = name;
	argv[argc++] = objects;
	if (o->json)
		argv[argc++] = json;
	argv[argc++] = file;
	argv[argc] = NULL;
	optind = 0; /* restart getopt */
	status = cmd_fsck(argc, argv);
	cfs_repo_close(repo);
	return status;
}

/* Returns true if there is an option that only the check of a repository has. */
static bool has_repo_option(int argc, char **argv)
{
	static const char *const ours[] = {"--repo",   "--user",
					   "--system", "--metadata-only",
					   "--hash",   "--require-verity"};

	for (int i = 1; i < argc; i++)
		for (size_t k = 0; k < sizeof(ours) / sizeof(ours[0]); k++)
			if (strncmp(argv[i], ours[k], strlen(ours[k])) == 0)
				return true;
	return false;
}

static bool has_operand(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] != '-')
			return true;
	return false;
}

/* Is the operand an image of the repository, although no option names one? It is if no file has that name, and there
 * is a repository. Options for files are for files. */
static bool is_image_of_repo(int argc, char **argv)
{
	struct where where = {0};

	for (int i = 1; i < argc - 1; i++)
		if (strcmp(argv[i], "--json") != 0)
			return false;
	return argc > 1 && argv[argc - 1][0] != '-' && access(argv[argc - 1], F_OK) < 0 &&
	       errno == ENOENT && where_exists(&where);
}

/* Completes with the options of both commands, unless it is clear which one is meant. */
static int complete_fsck(int argc, char **argv)
{
	bool repo = has_repo_option(argc - 1, argv);
	int status = repo ? CLI_OK : cmd_fsck(argc, argv);

	if (status != CLI_OK || (!repo && has_operand(argc - 1, argv)))
		return status;
	return cli_complete(&syntax, argc, argv);
}

int cmd_repo_fsck(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		status = cmd_fsck(argc, argv);
		putchar('\n');
		cli_print_usage(stdout, &syntax, argv[0]);
		return status;
	}
	if (cli_is_completion(argc, argv))
		return complete_fsck(argc, argv);
	if (!has_repo_option(argc, argv) && has_operand(argc, argv) &&
	    !is_image_of_repo(argc, argv))
		return cmd_fsck(argc, argv);
	status = command_begin(&syntax, argc, argv, &o, 0, 1,
			       "expected one image at most");
	if (status >= 0)
		return status;
	return optind == argc ? fsck_repo(&o) : fsck_image(&o, argv[optind]);
}
