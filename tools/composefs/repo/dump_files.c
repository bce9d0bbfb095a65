/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs dump-files: print entries of an image as lines of a dump, or the places of
 * their contents. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/dump_line.h"
#include "cli/entry_json.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

enum { OUT_LEN = 64 * 1024 };

struct options {
	struct where where;
	bool backing, json;
};

static const struct cli_option option_table[] = {
	{"backing-path-only", NULL, CLI_AT(struct options, backing),
	 "Print the path of the object of each file, or \"inline\"", .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON array"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE [PATH]...", NULL},
	.about = "Print entries of an image of the repository as lines of a dump, see "
		 "composefs-dump(5): each\nPATH and everything below it, or the whole "
		 "image.",
	.example =
		(const char *const[]){"composefs dump-files --repo=repo os/7 /etc/passwd",
				      NULL},
	.options = option_table,
};

static int put_backing(struct cfs_out *out, const struct cfs_image *im, const char *path,
		       struct cfs_err *err)
{
	struct cfs_text backing;
	struct cfs_inode inode;
	int rc = cfs_image_lookup(im, cfs_text(path), &inode, err);

	if (rc == 0 && S_ISDIR(inode.mode))
		rc = cfs_fail(err, EISDIR, "expected a file, got a directory");
	if (rc < 0)
		return rc;
	backing = CFS_TEXT("inline");
	if (S_ISREG(inode.mode) && inode.external)
		rc = cfs_image_read_backing(im, &inode, &backing, err);
	cfs_out_printf(out, "%s ", path);
	cfs_out_text(out, backing);
	cfs_out_char(out, '\n');
	return rc;
}

static int dump_paths(const struct options *o, const struct cfs_image *im, char **paths,
		      struct cfs_out *out, struct cfs_err *err)
{
	int rc = 0;

	if (!*paths && cli_is_cfsctl()) /* cfsctl prints nothing without a path */
		return 0;
	if (!*paths)
		return dump_put_below(out, im, "", err);
	for (; rc == 0 && *paths; paths++) {
		rc = o->backing ? put_backing(out, im, *paths, err)
				: dump_put_below(out, im, *paths, err);
		rc = cfs_context(err, rc, "%s", *paths);
	}
	return rc;
}

/* Prints the chosen entries as dump lines, as backing paths or as JSON. Wrong
 * combinations of options are refused before the repository is opened. */
static int run_dump(struct options *o, char **operands, struct cfs_err *err)
{
	int fd = STDOUT_FILENO, rc;
	struct cfs_image im;
	struct cfs_map map;
	struct cfs_out out;

	if (o->backing && ((!operands[1] && !cli_is_cfsctl()) || o->json))
		return cfs_fail(err, EINVAL,
				"--backing-path-only: expected a path and no --json");
	rc = where_open_image(&o->where, operands[0], &map, &im, NULL, err);
	if (rc < 0)
		return rc;
	if (o->json) {
		rc = entries_print_json(&im, operands + 1, err);
		cfs_map_close(&map);
		return rc;
	}
	rc = cfs_out_init(&out, cfs_sink_fd(&fd), OUT_LEN);
	if (rc == 0)
		rc = dump_paths(o, &im, operands + 1, &out, err);
	if (rc == 0)
		rc = cfs_out_flush(&out, err);
	cfs_out_fini(&out);
	cfs_map_close(&map);
	return rc;
}

int cmd_dump_files(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, argc, "expected an image"),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_dump(&o, argv + optind, &err);
	return command_end(argv[0], rc, &err);
}
