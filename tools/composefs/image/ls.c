/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs ls: list one path of an image. The path is found by binary search, so that the time does not depend on the
 * size of the image.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "composefs/composefs.h"
#include "cli/entry_json.h"
#include "source/source.h"
#include "cli/list.h"
#include "cli/repo_option.h"

enum { OUT_LEN = 64 * 1024 };

struct options {
	bool directory, json;
	struct where where;
};

static const struct cli_option option_table[] = {
	{"directory", NULL, CLI_AT(struct options, directory),
	 "List a directory itself, not its entries", .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON array"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE [PATH]", NULL},
	.about = "List the entries of the directory PATH (default /) of an image file, "
		 "or the "
		 "entry PATH\nitself, without reading the rest of the image. With an "
		 "option "
		 "that names a repository,\nIMAGE is an image of it.",
	.example = (const char *const[]){"composefs ls image.cfs /usr/bin", NULL},
	.options = option_table,
};

/* Turns "a//b/" into "/a/b", and the root into "". */
static int normalize_path(const char *path, char out[PATH_MAX], struct cfs_err *err)
{
	size_t len = 0;

	while (*path) {
		size_t part = strcspn(path, "/");

		if (part && len + part + 2 > PATH_MAX)
			return cfs_fail(err, ENAMETOOLONG,
					"path: expected less than %d bytes", PATH_MAX);
		if (part) {
			out[len++] = '/';
			memcpy(out + len, path, part);
			len += part;
		}
		path += part + (path[part] == '/');
	}
	out[len] = '\0';
	return 0;
}

/* The output of the entries. */
struct listing {
	struct cfs_out out;
	const struct cfs_image *im;
	struct json *json; /* NULL: lines */
};

static int list_inode(struct listing *l, struct cfs_text path,
		      const struct cfs_inode *inode, struct cfs_err *err)
{
	return l->json ? entry_json(l->json, l->im, path, inode, err)
		       : list_line(&l->out, l->im, path, inode, false, err);
}

static int list_directory(struct listing *l, const char *path,
			  const struct cfs_inode *dir, struct cfs_err *err)
{
	const struct cfs_image *im = l->im;
	char full[2 * PATH_MAX];
	struct cfs_dirent entry;
	struct cfs_inode inode;
	struct cfs_dir it;
	int rc = cfs_dir_open(im, dir, &it, err);

	if (rc < 0)
		return rc;
	while ((rc = cfs_dir_next(&it, &entry, err)) > 0) {
		int n;

		rc = cfs_dirent_inode(im, &entry, &inode, err);
		if (rc < 0)
			return rc;
		if (cfs_inode_is_hidden(im, &inode))
			continue;
		n = snprintf(full, sizeof(full), "%s/%.*s", path, (int)entry.name.len,
			     entry.name.s);
		rc = list_inode(l, (struct cfs_text){full, (size_t)n}, &inode, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

static int list_path(const struct options *o, struct listing *l, const char *given,
		     struct cfs_err *err)
{
	struct cfs_inode inode;
	char path[PATH_MAX];
	int rc = normalize_path(given, path, err);

	if (rc == 0)
		rc = cfs_image_lookup(l->im, cfs_text(path), &inode, err);
	if (rc < 0)
		return cfs_context(err, rc, "%s", given);
	if (S_ISDIR(inode.mode) && !o->directory)
		return list_directory(l, path, &inode, err);
	return list_inode(l, cfs_text(path), &inode, err);
}

/* A JSON array is closed even after an error, which the status reports. */
static int list_path_framed(const struct options *o, struct listing *l, const char *path,
			    struct cfs_err *err)
{
	int fd = STDOUT_FILENO, rc = cfs_out_init(&l->out, cfs_sink_fd(&fd), OUT_LEN);

	if (l->json)
		json_begin_array(l->json, NULL);
	if (rc == 0)
		rc = list_path(o, l, path, err);
	if (rc == 0)
		rc = cfs_out_flush(&l->out, err);
	if (l->json)
		json_finish(l->json);
	cfs_out_fini(&l->out);
	return rc;
}

static int list_image(struct options *o, const char *image, char *path,
		      struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	struct json j = {.to = stdout};
	struct listing l = {.im = &im, .json = o->json ? &j : NULL};
	int rc = where_is_given(&o->where)
			 ? where_open_image(&o->where, image, &map, &im, NULL, err)
			 : cfs_source_open_image(image, &map, &im, err);

	if (rc < 0)
		return rc;
	rc = list_path_framed(o, &l, path, err);
	cfs_map_close(&map);
	return rc;
}

int cmd_ls(int argc, char **argv)
{
	struct options o = {0};
	int status = cli_parse(&syntax, argv[0], argc, argv, &o);
	struct cfs_err err;

	if (status >= 0)
		return status == CLI_OK ? CLI_OK : CLI_USAGE;
	if (argc - optind < 1 || argc - optind > 2) {
		cli_misused(argv[0], "expected IMAGE [PATH]");
		return CLI_USAGE;
	}
	if (list_image(&o, argv[optind], argc - optind > 1 ? argv[optind + 1] : "/",
		       &err) == 0)
		return CLI_OK;
	cli_say(argv[0], "%s", err.msg);
	return CLI_FAILED;
}
