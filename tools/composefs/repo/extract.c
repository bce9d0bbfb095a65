/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs extract: files of an image into a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/path.h"
#include "cli/repo_option.h"
#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "extract/extract.h"

struct options {
	const char *name; /* of the program */
	bool force, json;
	struct where where;
};

static const struct cli_option option_table[] = {
	{"force", NULL, CLI_AT(struct options, force),
	 "Replace existing files, and write into existing directories", .letter = 'f',
	 .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE DEST",
				       "[OPTIONS] IMAGE PATH DEST", NULL},
	.about =
		"Copy the file or directory PATH of an image of the repository (default: "
		"all of it) to DEST,\nas a mount would show it. If PATH is given and "
		"DEST "
		"is a directory, the copy is made in\nthat directory.",
	.example =
		(const char *const[]){
			"composefs extract --repo=repo os/7 /etc/ssh /tmp/ssh", NULL},
	.options = option_table,
};

/* Where the extraction goes. */
struct dest {
	int dirfd;
	char *name; /* freed by the caller; NULL: dirfd is the top directory */
};

/* --- the destination ---------------------------------------------------------------- */

/* Whether the directory has no entries: 1, 0 or -errno. */
static int is_empty_destination(int dirfd, struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), n = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;
	int rc;

	if (!dir) {
		rc = cfs_fail_errno(err, "open");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while ((errno = 0, d = readdir(dir)))
		n += strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	rc = errno ? cfs_fail_errno(err, "read directory") : n == 0;
	closedir(dir);
	return rc;
}

/* A directory that exists: the root of the image becomes it, anything else goes into it. */
static int use_directory(const struct options *o, const char *top, struct dest *out,
			 struct cfs_err *err)
{
	const char *base = strrchr(top, '/');
	int rc;

	if (base) {
		out->name = strdup(base + 1);
		return out->name ? 0 : cfs_fail(err, ENOMEM, "out of memory");
	}
	rc = o->force ? 1 : is_empty_destination(out->dirfd, err);
	if (rc < 0)
		return rc;
	return rc ? 0
		  : cli_add_advice(
			    cfs_fail(err, ENOTEMPTY, "expected an empty directory"), err,
			    "--force extracts into it");
}

static int open_dest(const struct options *o, const char *top, const char *path,
		     struct dest *out, struct cfs_err *err)
{
	int fd = cfs_path_open_dir(path, err);

	*out = (struct dest){.dirfd = fd};
	if (fd == -ENOENT || fd == -ENOTDIR)
		out->dirfd = cfs_path_open_parent(path, &out->name, err);
	if (out->dirfd < 0)
		return cfs_context(err, out->dirfd, "%s", path);
	return fd < 0 ? 0 : cfs_context(err, use_directory(o, top, out, err), "%s", path);
}

/* --- the work ----------------------------------------------------------------------- */

struct source {
	struct cfs_repo *repo;
	struct cfs_image im;
	struct cfs_map map;
};

/* The content is compared with the digest as it is copied: it need not be read before. */
static int open_extracted_object(void *ctx, const struct cfs_inode *inode,
				 struct cfs_digest *id, struct cfs_err *err)
{
	const struct source *s = ctx;
	int rc = cfs_repo_find_inode_object(s->repo, &s->im, inode, id, err);

	return rc < 0 ? rc : cfs_repo_open_object(s->repo, id, CFS_REPO_SEALED, err);
}

/* Reports what an ordinary user could not preserve. */
static void print_remarks(const struct options *o, const struct cfs_extract_report *r)
{
	if (r->owners)
		cli_print_warning(
			o->name,
			"%" PRIu64
			" %s now yours, without set-user-ID and set-group-ID bits: "
			"only root can keep other owners",
			r->owners, cfs_plural(r->owners, "file is", "files are"));
	if (r->devices)
		cli_print_warning(
			o->name, "%" PRIu64 " %s left out: only root can make them",
			r->devices,
			cfs_plural(r->devices, "device node is", "device nodes are"));
}

static int print_extract_report(const struct options *o,
				const struct cfs_extract_report *r, struct cfs_err *err)
{
	struct json j = {.to = stdout};

	if (!o->json)
		return 0;
	json_begin_object(&j, NULL);
	json_put_uint(&j, "entries", r->entries);
	json_put_uint(&j, "bytes", r->bytes);
	json_put_uint(&j, "shared_files", r->shared);
	json_put_uint(&j, "skipped_devices", r->devices);
	json_put_uint(&j, "changed_owners", r->owners);
	json_finish(&j);
	return cli_flush(err);
}

/* Extracts path of the image to dest_path. Existing files stay without --force.
 * Problems of single files are remarks and do not stop it. */
static int extract_part(struct options *o, struct source *s, const char *path,
			const char *dest_path, struct cfs_err *err)
{
	struct cfs_extract_report report;
	char top[PATH_MAX];
	struct cfs_inode inode;
	struct dest dest;
	int rc = cfs_context(err,
			     cfs_image_resolve(&s->im, cfs_text(path),
					       CFS_RESOLVE_NOT_LAST, &inode, top, err),
			     "%s", path);

	if (rc == 0)
		rc = open_dest(o, top, dest_path, &dest, err);
	if (rc == 0) {
		const struct cfs_extract x = {.im = &s->im,
					      .top = top,
					      .dirfd = dest.dirfd,
					      .name = dest.name,
					      .force = o->force,
					      .as_root = geteuid() == 0,
					      .open_object = open_extracted_object,
					      .ctx = s,
					      .watch = o->where.watch};

		rc = cfs_extract(&x, &report, err);
		if (rc == -EEXIST)
			cli_add_advice(rc, err, "--force replaces it");
		rc = cfs_context(err, rc, "%s", dest_path);
		close(dest.dirfd);
		free(dest.name);
	}
	if (rc < 0)
		return rc;
	print_remarks(o, &report);
	return print_extract_report(o, &report, err);
}

/* Refuses a new absolute place that is a path of the image: "extract IMAGE /etc" most
 * likely means that /etc is to be extracted, not that all is to go there. */
static int check_whole_dest(const struct options *o, const struct source *s,
			    const char *dest, struct cfs_err *err)
{
	struct cfs_inode inode;
	char advice[512];
	struct stat st;

	if (o->force || *dest != '/' || lstat(dest, &st) == 0 ||
	    cfs_image_lookup(&s->im, cfs_text(dest), &inode, NULL) < 0)
		return 0;
	snprintf(
		advice, sizeof(advice),
		"IMAGE %.128s DEST extracts %.128s; --force extracts all of it to %.128s",
		dest, dest, dest);
	return cli_add_advice(
		cfs_fail(err, EINVAL,
			 "%s: a path of the image, expected a place for all of it", dest),
		err, advice);
}

/* Opens the image and extracts operand 1, or all of it. The repository stays open
 * until the end, since the objects are read from it. */
static int run_extract(struct options *o, char **operands, int n, struct cfs_err *err)
{
	struct cli_watch watch;
	struct source s;
	int rc;

	cli_watch_start(&watch, o->name);
	o->where.watch = &watch.watch;
	rc = where_open(&o->where, CFS_REPO_READ, &s.repo, err);
	if (rc == 0) {
		rc = cfs_repo_open_image(s.repo, operands[0], &s.map, &s.im, NULL, err);
		if (rc == 0) {
			if (n == 2)
				rc = check_whole_dest(o, &s, operands[1], err);
			if (rc == 0)
				rc = extract_part(o, &s, n == 3 ? operands[1] : "/",
						  operands[n - 1], err);
			cfs_map_close(&s.map);
		}
		cfs_repo_close(s.repo);
	}
	cli_watch_end(&watch);
	return rc;
}

int cmd_extract(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 2, 3,
				   "expected IMAGE [PATH] DEST"),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_extract(&o, argv + optind, argc - optind, &err);
	return command_end(argv[0], rc, &err);
}
