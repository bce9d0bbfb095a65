/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs ls: list one path of an image. The path is found by binary search, so that the time does not depend on the
 * size of the image.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "composefs/composefs.h"
#include "cli/any_image.h"
#include "cli/entry_json.h"
#include "cli/list.h"
#include "cli/repo_option.h"

enum { OUT_LEN = 64 * 1024 };

struct options {
	bool directory, json, is_long, recursive;
	struct where where;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"long", NULL, AT(is_long),
	 "Print mode, links, owner, group, size and time as well", .letter = 'l',
	 .group = "Options"},
	{"directory", NULL, AT(directory), "List a directory itself, not its entries",
	 .letter = 'd'},
	{"recursive", NULL, AT(recursive), "List all that is below a directory",
	 .letter = 'R'},
	{"json", NULL, AT(json), "Print one JSON array"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE [PATH]...", NULL},
	.about = "List the entries of the directory PATH (default /) of an image, or the "
		 "entry PATH itself,\nwithout reading the rest of the image. IMAGE is an "
		 "image file, or an image of the\nrepository; if an option "
		 "names the repository, always the latter.",
	.example = (const char *const[]){"composefs ls -l image.cfs /usr/bin",
					 "composefs ls -R --repo=repo os/7 /etc", NULL},
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
	const struct options *o;
	const char *name; /* of the program */
	struct cfs_out out;
	const struct cfs_image *im;
	struct json *json; /* NULL: lines */
};

static int list_inode(struct listing *l, struct cfs_text path,
		      const struct cfs_inode *inode, struct cfs_err *err)
{
	if (l->json)
		return entry_put_json(l->json, l->im, path, inode, err);
	if (l->o->is_long)
		return list_long(&l->out, path, inode, err);
	list_put_name(&l->out, path, inode);
	return 0;
}

/* Lists one directory without those below it. Entries that a mount does not show are
 * skipped. */
static int list_image_directory(struct listing *l, const char *path,
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

		rc = cfs_dirent_read_inode(im, &entry, &inode, err);
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

/* All that is below a directory. found is its path without symbolic links, path as the user gave it. */
static int list_below(struct listing *l, const char *path, const char *found,
		      struct cfs_err *err)
{
	struct cfs_walk_opts opts = {.top = cfs_text(found)};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	cfs_autofree char *full = NULL;
	size_t cap = 0, path_len = strlen(path), found_len = strlen(found);
	int rc = cfs_walk_new(l->im, &opts, &walk, err);

	while (rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0) {
		size_t rest = e->path.len - found_len;

		if (e->depth == 0)
			continue;
		if (cfs_grow(&full, &cap, path_len + rest, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		memcpy(full, path, path_len);
		memcpy(full + path_len, e->path.s + found_len, rest);
		rc = list_inode(l, (struct cfs_text){full, path_len + rest}, &e->inode,
				err);
	}
	return rc;
}

/* A symbolic link to a directory stands for it; to anything else, for itself. */
static void follow_to_directory(const struct cfs_image *im, const char *path,
				struct cfs_inode *inode, char found[PATH_MAX])
{
	struct cfs_inode target;
	char target_path[PATH_MAX];

	if (cfs_image_resolve(im, cfs_text(path), CFS_RESOLVE_LAST, &target, target_path,
			      NULL) < 0 ||
	    !S_ISDIR(target.mode))
		return;
	*inode = target;
	strcpy(found, target_path);
}

/* Lists a path like ls(1): a link to a directory is followed, unless -l or -d shows
 * the link itself. */
static int list_path(struct listing *l, const char *given, struct cfs_err *err)
{
	const struct options *o = l->o;
	char path[PATH_MAX], found[PATH_MAX];
	struct cfs_inode inode;
	int rc = normalize_path(given, path, err);

	if (rc == 0)
		rc = cfs_image_resolve(l->im, cfs_text(given), CFS_RESOLVE_NOT_LAST,
				       &inode, found, err);
	if (rc == 0 && S_ISLNK(inode.mode) && !o->is_long && !o->directory)
		follow_to_directory(l->im, given, &inode, found);
	if (rc < 0)
		return cfs_context(err, rc, "%s", given);
	if (!S_ISDIR(inode.mode) || o->directory)
		return list_inode(l, cfs_text(path), &inode, err);
	return o->recursive ? list_below(l, path, found, err)
			    : list_image_directory(l, path, &inode, err);
}

/* A path that cannot be listed does not stop the others. Returns 1 if an error was reported. */
static int list_paths(struct listing *l, char **paths, struct cfs_err *err)
{
	static char root[] = "/", *all[] = {root, NULL};
	int failed = 0, rc = 0;

	for (char **path = *paths ? paths : all; rc == 0 && *path; path++) {
		struct cfs_err why;

		rc = list_path(l, *path, &why);
		if (rc < 0) {
			cli_print_message(l->name, "%s", why.msg);
			failed = 1;
		}
		rc = cfs_out_flush(&l->out, err);
	}
	return rc < 0 ? rc : failed;
}

/* A JSON array is closed even after an error, which the status reports. Returns as list_paths. */
static int list_framed(struct listing *l, char **paths, struct cfs_err *err)
{
	int fd = STDOUT_FILENO, rc = cfs_out_init(&l->out, cfs_sink_fd(&fd), OUT_LEN);

	if (l->json)
		json_begin_array(l->json, NULL);
	if (rc == 0)
		rc = list_paths(l, paths, err);
	if (l->json)
		json_finish(l->json);
	cfs_out_fini(&l->out);
	return rc;
}

static int list_image(struct options *o, const char *name, char **operands,
		      struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	struct json j = {.to = stdout};
	struct listing l = {.o = o, .name = name, .im = &im, .json = o->json ? &j : NULL};
	bool is_file;
	int rc = any_image_open(&o->where, operands[0], &map, &im, &is_file, err);

	if (rc < 0)
		return rc;
	rc = list_framed(&l, operands + 1, err);
	cfs_map_close(&map);
	return rc;
}

int cmd_ls(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, argc,
				   "expected IMAGE [PATH]..."),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = list_image(&o, argv[0], argv + optind, &err);
	return rc > 0 ? CLI_FAILED : command_end(argv[0], rc, &err);
}
