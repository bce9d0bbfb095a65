/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs init: create a repository. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/cfsctl_text.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"
#include "doctor/doctor.h"
#include "cli/verbosity.h"

struct options {
	struct where where;
	struct cfs_repo_init init;
	bool json;
};

#define AT(member)    CLI_AT(struct options, member)
#define GIVEN(member) CLI_GIVEN(struct options, member)

static const struct cli_option option_table[] = {
	{"algorithm", "NAME", AT(init.meta.alg),
	 "Name objects by fsverity-sha512-12 (default) or fsverity-sha256-12", CLI_CHOICE,
	 .choices = cli_repo_algs, GIVEN(init.ensure_alg), .group = "Options"},
	{"erofs-version", "N", AT(init.meta.format),
	 "Use image format 0, 1 (default) or 2", CLI_NUMBER, .max = CFS_REPO_FORMAT_MAX},
	{"hash", "NAME", AT(init.meta.alg), NULL, CLI_CHOICE, .choices = cli_repo_algs,
	 GIVEN(init.ensure_alg)},
	{"insecure", NULL, AT(init.insecure),
	 "Do not require fs-verity: the kernel then does not verify contents"},
	{"ensure", NULL, AT(init.ensure),
	 "Accept an existing repository with another format or fs-verity setting"},
	{"reset-metadata", NULL, AT(init.reset),
	 "Remove images, streams and meta.json first, and keep the objects"},
	{"force", NULL, AT(init.force),
	 "Use DIR even if it is not empty; reset even unknown metadata"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [DIR]", NULL},
	.about =
		"Create a repository for objects, images and references in DIR (default: "
		"the one that "
		"the\noptions or $COMPOSEFS_REPO name, or the current directory). It "
		"must be new or empty. An\nexisting repository with the same metadata is "
		"left unchanged. --insecure makes one on any\nfilesystem; without it the "
		"filesystem must support fs-verity, see composefs doctor.",
	.example = (const char *const[]){"composefs init --insecure repo", NULL},
	.options = option_table,
};

/* Prints whether the repository was created or existed before, and with --verbose what
 * protects it. */
static void print_init_result(const struct options *o, const char *path, bool made)
{
	const struct cfs_repo_init *init = &o->init;
	struct json j = {.to = stdout};

	if (o->json) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "path", path);
		json_put_bool(&j, "created", made);
		json_finish(&j);
	} else if (cli_is_quiet()) {
		return;
	} else if (cli_is_cfsctl()) {
		cfsctl_print_init(init, path, made);
	} else {
		cli_print(stdout, path);
		printf(": %s\n", made ? "created" : "already exists");
	}
	if (made)
		cli_print_detail(
			"composefs init", "%s",
			init->insecure
				? "without fs-verity the kernel does not verify contents"
				: "the kernel verifies contents by fs-verity");
}

/* Adds advice about a filesystem without fs-verity. */
static int add_verity_advice(const char *path, struct cfs_err *err)
{
	char dir[CFS_REPO_PATH_MAX], advice[2 * CFS_DOCTOR_TEXT_MAX + 128];
	struct cfs_doctor_answer why = {0};

	snprintf(dir, sizeof(dir), "%s", path);
	cfs_path_cut_missing(dir);
	if (cfs_doctor_test_verity(dir, &why, NULL) < 0 || !*why.advice)
		return cli_add_advice(
			-ENOTTY, err,
			"--insecure creates it without fs-verity; see composefs doctor");
	snprintf(advice, sizeof(advice),
		 "%s: %s; or --insecure creates it without fs-verity; see composefs "
		 "doctor",
		 why.detail, why.advice);
	return cli_add_advice(-ENOTTY, err, advice);
}

/* Creates the repository in dir or where the options say. Refusals get advice that
 * fits their code: which option would accept this. */
static int run_init(struct options *o, const char *dir, struct cfs_err *err)
{
	const char *path;
	int rc;

	if (dir && cli_is_cfsctl()) /* cfsctl ignores the options then */
		o->where.user = o->where.system = false;
	else if (dir && (o->where.repo || o->where.user || o->where.system))
		return cfs_fail(
			err, EINVAL,
			"expected either the operand %s or an option for the directory",
			dir);
	if (dir)
		o->where.repo = dir;
	rc = where_path_new(&o->where, &path, err);
	if (rc < 0)
		return rc;
	if (o->where.require_verity && o->init.insecure)
		return cfs_fail(
			err, EINVAL,
			"expected one of --insecure and --require-verity, got both");
	if (!o->where.repo)
		cli_use_repository(path);
	where_lock_wait(&o->where, path, &o->init.wait);
	rc = cfs_repo_make(path, &o->init, err);
	if (rc == -ENOTTY)
		return add_verity_advice(path, err);
	if (rc == -ENOTEMPTY)
		return cli_add_advice(rc, err, "--force uses it anyway");
	if (o->init.reset && (rc == -ENOTSUP || rc == -EROFS || rc == -EINVAL))
		return cli_add_advice(rc, err, "--force resets it anyway");
	if (rc >= 0)
		print_init_result(o, path, rc == 0);
	return rc;
}

int cmd_init(int argc, char **argv)
{
	struct options o = {.init.meta = {.alg = CFS_SHA512, .format = 1},
			    .init.ensure_alg = cli_is_cfsctl(),
			    .init.any_dir = cli_is_cfsctl()};
	int status = command_begin(&syntax, argc, argv, &o, 0, 1,
				   "expected one directory at most");
	struct cfs_err err;

	if (status >= 0)
		return status;
	return command_end(argv[0], run_init(&o, argv[optind], &err), &err);
}
