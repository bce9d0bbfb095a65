/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs export: an image and its objects as a tar archive. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "cli/repo_option.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "export/export.h"

struct options {
	struct where where;
};

static const struct cli_option option_table[] = {
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE FILE", NULL},
	.about = "Write an image of the repository as a tar archive to FILE (-: "
		 "standard output). The content\nof each file is verified. create-image "
		 "makes the same image from the archive.",
	.example =
		(const char *const[]){
			"composefs export --repo=repo os/7 os7.tar",
			"composefs export --repo=repo os/7 - | zstd > os7.tar.zst", NULL},
	.options = option_table,
};

/* Refuses a name that promises a compressed archive. */
static int check_archive_name(const char *file, struct cfs_err *err)
{
	static const char *const suffixes[] = {".gz", ".tgz", ".zst", ".xz", ".bz2"};
	size_t len = strlen(file);

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		size_t n = strlen(suffixes[i]);

		if (len > n && strcmp(file + len - n, suffixes[i]) == 0)
			return cli_add_advice(
				cfs_fail(err, EINVAL,
					 "%s: the archive would not be compressed", file),
				err, "with - as FILE, pipe it into a compressor");
	}
	return 0;
}

static int run_export(struct options *o, char **operands, const struct cfs_watch *watch,
		      struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = check_archive_name(operands[1], err);

	if (rc == 0)
		rc = where_open(&o->where, CFS_REPO_LOOK, &repo, err);
	if (rc < 0)
		return rc;
	rc = cfs_export_image(repo, operands[0], operands[1], watch, NULL, err);
	cfs_repo_close(repo);
	return rc;
}

int cmd_export(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 2, 2,
				   "expected IMAGE and FILE, or - for standard output"),
	    rc;
	struct cli_watch watch;
	struct cfs_err err;

	if (status >= 0)
		return status;
	cli_watch_start(&watch, argv[0]);
	o.where.watch = &watch.watch;
	rc = run_export(&o, argv + optind, &watch.watch, &err);
	cli_watch_end(&watch);
	return command_end(argv[0], rc, &err);
}
