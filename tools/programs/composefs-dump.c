/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs-dump: read an image and write it again in the same format version. A drop-in for the tool of the same name. It
 * normalizes an image, and shows that reading and writing agree.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "cli/watch.h"
#include "erofs/erofs.h"
#include "cli/verbosity.h"

static void print_dump_usage(FILE *to, const char *name)
{
	fprintf(to,
		"Usage: %s SOURCE DEST\n"
		"\n"
		"Read the composefs image SOURCE and write it again to DEST.\n"
		"\n"
		"  --help     Print this text\n"
		"  --version  Print the version\n",
		name);
}

/* Loads the tree of an image, and the form in which its writer made it. */
static int load_dump_image(const char *path, struct cfs_tree **out,
			   struct cfs_image_opts *form, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, CFS_INPUT_PIPE, err);
	struct cfs_image im;
	struct cfs_map map;
	int rc;

	if (fd < 0)
		return fd;
	rc = cfs_image_map(fd, cfs_map_stable, &map, err);
	if (rc < 0)
		return rc;
	rc = cfs_image_open(map.span, &im, err);
	if (rc == 0)
		rc = cfs_image_load(&im, &(struct cfs_load_opts){0}, out, err);
	if (rc == 0)
		*form = cfs_image_find_form(&im, *out);
	cfs_map_close(&map);
	return rc;
}

/* Writes the image beside path and renames it when it is complete; abort is harmless
 * after commit. */
static int write_dump_image(const struct cfs_tree *tree,
			    const struct cfs_image_opts *form, const char *name,
			    const char *path, struct cfs_err *err)
{
	struct cfs_image_write how = {.form = *form};
	struct cfs_watched_fd to;
	struct cfs_replace file;
	struct cli_watch watch;
	int rc = cfs_replace_open(path, &file, err);

	if (rc < 0)
		return rc;
	cli_watch_start(&watch, name);
	how.watch = &watch.watch;
	to = (struct cfs_watched_fd){file.fd, how.watch};
	rc = cfs_image_write(tree, &how, cfs_sink_watched_fd(&to), err);
	if (rc == 0)
		rc = cfs_replace_commit(&file, err);
	cfs_replace_abort(&file);
	cli_watch_end(&watch);
	return rc;
}

static int rewrite_image(const char *name, const char *source, const char *dest,
			 struct cfs_err *err)
{
	struct cfs_image_opts form = {0};
	struct cfs_tree *tree;
	int rc = load_dump_image(source, &tree, &form, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", source);
	rc = write_dump_image(tree, &form, name, dest, err);
	cfs_tree_free(tree);
	return cfs_context(err, rc, "cannot write %s", dest);
}

int main(int argc, char **argv)
{
	const char *name = cli_program_name(argv[0]);
	struct cfs_err err;

	if (!cli_begin(name))
		return CLI_FAILED;
	cli_take_verbosity(&argc, argv);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_dump_usage(stdout, name);
		return cli_end(name, CLI_OK);
	}
	if (cli_print_version(name, argc, argv))
		return cli_end(name, CLI_OK);
	if (argc != 3) {
		cli_fail_usage(name, "expected SOURCE DEST");
		return CLI_FAILED;
	}
	if (rewrite_image(name, argv[1], argv[2], &err) == 0)
		return CLI_OK;
	cli_print_message(name, "%s", err.msg);
	return cli_end(name, CLI_FAILED);
}
