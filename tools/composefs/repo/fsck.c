/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs fsck of a repository, or of one image in it; an image file is cmd_fsck.c's. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "composefs/cfsctl_text.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/report.h"
#include "cli/repo_option.h"
#include "cli/watch.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	bool metadata_only, background, json;
};

static const struct cli_option option_table[] = {
	{"metadata-only", NULL, CLI_AT(struct options, metadata_only),
	 "Do not read the contents of objects", .group = "Options, of a repository"},
	{"background", NULL, CLI_AT(struct options, background),
	 "Leave disk, CPUs and page cache to others"},
	{"json", NULL, CLI_AT(struct options, json),
	 "Print all findings as one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [--repo=DIR]",
				       "[OPTIONS] --repo=DIR IMAGE", NULL},
	.about = "Checks all of a repository: objects on all CPUs, streams, images, "
		 "names. With "
		 "IMAGE, one\nimage of it and its objects.",
	.status =
		"0 sound, 1 could not be read, 2 wrong usage, 3 damaged; of an image: 4 "
		"objects missing",
	.example =
		(const char *const[]){"composefs fsck --repo=repo --metadata-only", NULL},
	.options = option_table,
};

/* Threads that begin later have it, too. A kernel or a jail that does not permit it costs politeness alone. */
static void be_polite(void)
{
	enum { WHO_PROCESS = 1, CLASS_IDLE = 3, CLASS_SHIFT = 13 }; /* ioprio_set(2) */
	static const struct sched_param none;

	(void)!syscall(SYS_ioprio_set, WHO_PROCESS, 0, CLASS_IDLE << CLASS_SHIFT);
	if (sched_setscheduler(0, SCHED_IDLE, &none) < 0)
		(void)!nice(19);
}

static int check(struct options *o, struct cfs_check_report *out, struct cfs_err *err)
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
			be_polite();
		rc = cfs_check_repo(repo, &opts, out, err);
		cfs_repo_close(repo);
	}
	cli_watch_end(&watch);
	return rc;
}

/* Under its name the status is that program's: with --json damage is no failure. */
static int status_of(const struct options *o, const struct cfs_check_report *r)
{
	if (!cfs_check_report_is_bad(r))
		return CLI_OK;
	if (cli_is_cfsctl())
		return o->json ? CLI_OK : CLI_FAILED;
	return STATUS_DAMAGED;
}

static int fsck_repo(struct options *o)
{
	struct cfs_check_report report = {0};
	struct json j = {.to = stdout};
	struct cfs_err err;
	int rc = check(o, &report, &err), status = command_end(o->name, rc, &err);

	if (rc == 0) {
		status = status_of(o, &report);
		if (o->json) {
			report_json(&j, NULL, &report);
			json_finish(&j);
		} else if (cli_is_cfsctl()) {
			cfsctl_say_fsck(o->name, &report, o->metadata_only);
		} else {
			report_say(o->name, &report);
			if (cfs_check_report_is_bad(&report))
				cli_print_message(
					o->name,
					"composefs repair restores links and moves "
					"damage "
					"aside, with --from=PLACE it fetches what is "
					"missing; composefs untag takes a damaged name "
					"away");
		}
	}
	cfs_check_report_fini(&report);
	return status;
}

/* The image as a file, with the objects beside it. */
static int fsck_image(struct options *o, const char *image)
{
	char objects[PATH_MAX], file[PATH_MAX], below[CFS_OBJECT_PATH_MAX];
	char json[] = "--json", name[64], *argv[5];
	struct cfs_repo *repo;
	struct cfs_digest id;
	struct cfs_err err;
	int argc = 0, rc = where_open(&o->where, CFS_REPO_READ, &repo, &err), status;

	if (rc == 0)
		rc = cfs_repo_find_image(repo, image, &id, &err);
	if (rc < 0)
		return command_end(o->name, rc, &err);
	snprintf(objects, sizeof(objects), "--objects=%s/objects", cfs_repo_path(repo));
	snprintf(file, sizeof(file), "%s/objects/%s", cfs_repo_path(repo),
		 cfs_digest_path(&id, below));
	snprintf(name, sizeof(name), "%s", o->name);
	argv[argc++] = name;
	argv[argc++] = objects;
	if (o->json)
		argv[argc++] = json;
	argv[argc++] = file;
	argv[argc] = NULL;
	optind = 0; /* getopt begins anew */
	status = cmd_fsck(argc, argv);
	cfs_repo_close(repo);
	return status;
}

/* Is there an option that only the check of a repository has? */
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

/* Completes by the options of both commands while it is not clear which one is meant. */
static int complete(int argc, char **argv)
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

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		status = cmd_fsck(argc, argv);
		putchar('\n');
		cli_print_usage(stdout, &syntax, argv[0]);
		return status;
	}
	if (cli_is_completion(argc, argv))
		return complete(argc, argv);
	if (!has_repo_option(argc, argv) && has_operand(argc, argv))
		return cmd_fsck(argc, argv);
	status = command_begin(&syntax, argc, argv, &o, 0, 1,
			       "expected one image at most");
	if (status >= 0)
		return status;
	return optind == argc ? fsck_repo(&o) : fsck_image(&o, argv[optind]);
}
