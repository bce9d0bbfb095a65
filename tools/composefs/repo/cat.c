/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs cat: print a stream, or files of an image. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "cli/any_image.h"
#include "composefs/repo/object_dir.h"
#include "source/open_image.h"

struct options {
	struct where where;
	const char *objects;
};

static const struct cli_option option_table[] = {
	{"objects", "DIR", CLI_AT(struct options, objects),
	 "IMAGE is a file, and its objects are in DIR", CLI_TEXT, .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] STREAM", "[OPTIONS] IMAGE PATH...",
				       NULL},
	.about = "Write files of an image to standard output, one after the other, or a "
		 "stream of the\nrepository exactly as it was imported. Symbolic links "
		 "are followed inside the image.\nIMAGE is an image file, or an image "
		 "of the repository; if an option names the repository,\n"
		 "always the latter.",
	.example = (const char *const[]){"composefs cat --repo=repo os/7 /etc/os-release",
					 "composefs cat --objects=objects image.cfs "
					 "/etc/os-release",
					 NULL},
	.options = option_table,
};

/* --- streams ----------------------------------------------------------------------------- */

static int write_data(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx;
	return cfs_io_write(STDOUT_FILENO, p, len, err);
}

/* Writes an object. It is verified before its first byte is written. */
static int write_file_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
			     struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_object(ctx, id, CFS_REPO_PROVEN, err);
	struct cfs_map map;
	int rc;

	if (fd < 0)
		return fd;
	rc = cfs_map_fd(fd, &map, err);
	if (rc < 0)
		return rc;
	*size = map.span.len;
	rc = write_data(NULL, map.span.p, map.span.len, err);
	cfs_map_close(&map);
	return rc;
}

static int cat_stream(struct cfs_repo *repo, const char *name, struct cfs_err *err)
{
	struct cfs_stream_sink sink = {write_data, write_file_object, repo};
	struct cfs_stream s;
	struct cfs_map map;
	int rc = cfs_repo_open_stream(repo, name, &map, &s, err);

	if (rc < 0)
		return cli_add_advice(rc, err,
				      "to print a file of an image, give a path as well");
	rc = cfs_stream_read(&s, &sink, err);
	cfs_map_close(&map);
	return rc;
}

/* --- files of images --------------------------------------------------------------------- */

/* Where the contents of an image are. */
struct contents {
	struct options *o;
	const char *program;
	struct cfs_image im;
	struct cfs_repo *repo; /* NULL: not opened yet */
	int objects;	       /* directory; -1: none */
};

static int write_from_dir(const struct contents *c, const struct cfs_inode *inode,
			  struct cfs_err *err)
{
	struct cfs_map map;
	int rc = object_dir_map(c->objects, &c->im, inode, &map, err);

	if (rc < 0)
		return rc;
	rc = write_data(NULL, map.span.p, map.span.len, err);
	cfs_map_close(&map);
	return rc;
}

/* The objects of an image file are those of the repository that is used by default. */
static int open_contents_repo(struct contents *c, struct cfs_err *err)
{
	int rc = c->repo ? 0 : where_open(&c->o->where, CFS_REPO_LOOK, &c->repo, err);

	return cli_add_advice(rc, err, "--objects=DIR names the directory of objects");
}

/* Writes the content of a file that lies in an object, which is opened in --objects or
 * in the repository. */
static int write_external(struct contents *c, const struct cfs_inode *inode,
			  struct cfs_err *err)
{
	struct cfs_digest id;
	uint64_t size;
	int rc;

	if (c->objects >= 0)
		return write_from_dir(c, inode, err);
	rc = open_contents_repo(c, err);
	if (rc == 0)
		rc = cfs_repo_find_inode_object(c->repo, &c->im, inode, &id, err);
	return rc < 0 ? rc : write_file_object(c->repo, &id, &size, err);
}

static int cat_file(struct contents *c, const char *path, struct cfs_err *err)
{
	uint8_t buf[CFS_CONTENT_MAX];
	struct cfs_inode inode;
	struct cfs_span span;
	int rc = cfs_image_resolve(&c->im, cfs_text(path), CFS_RESOLVE_LAST, &inode, NULL,
				   err);

	if (rc == 0 && !S_ISREG(inode.mode))
		rc = cfs_fail(err, EINVAL, "expected a regular file");
	if (rc == 0 && inode.external) {
		rc = write_external(c, &inode, err);
	} else if (rc == 0) {
		span = cfs_inode_read_content(&inode, buf);
		rc = write_data(NULL, span.p, span.len, err);
	}
	return cfs_context(err, rc, "%s", path);
}

/* A file that cannot be read does not stop the others. Returns 1 if an error was reported. */
static int cat_files(struct contents *c, char **paths, struct cfs_err *err)
{
	int rc = 0, failed = 0;

	for (char **path = paths; *path; path++) {
		rc = cat_file(c, *path, err);
		if (rc == -EPIPE || rc == -ECANCELED)
			break;
		if (rc < 0) {
			cli_print_message(c->program, "%s", err->msg);
			failed = 1;
			rc = 0;
		}
	}
	return rc < 0 ? rc : failed;
}

static int open_contents_image(struct contents *c, const char *name, struct cfs_map *map,
			       struct cfs_err *err)
{
	bool is_file;

	if (!c->o->objects)
		return any_image_open(&c->o->where, name, map, &c->im, &is_file, err);
	c->objects = open(c->o->objects, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c->objects < 0)
		return cfs_fail_errno(err, "%s", c->o->objects);
	return cfs_source_open_image(name, map, &c->im, err);
}

static int cat_image(struct options *o, const char *program, char **operands,
		     struct cfs_err *err)
{
	struct contents c = {.o = o, .program = program, .objects = -1};
	struct cfs_map map;
	int rc = open_contents_image(&c, operands[0], &map, err);

	if (rc == 0) {
		rc = cat_files(&c, operands + 1, err);
		cfs_map_close(&map);
	}
	if (c.objects >= 0)
		close(c.objects);
	cfs_repo_close(c.repo);
	return rc;
}

static int cat_one_stream(struct options *o, const char *name, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_LOOK, &repo, err);

	if (rc < 0)
		return rc;
	rc = cat_stream(repo, name, err);
	cfs_repo_close(repo);
	return rc;
}

int cmd_cat(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, argc,
				   "expected STREAM or IMAGE PATH..."),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (o.objects &&
	    (argc - optind == 1 || o.where.repo || o.where.user || o.where.system)) {
		cli_fail_usage(argv[0], "--objects: expected IMAGE PATH... and no "
					"option for the repository");
		return CLI_USAGE;
	}
	rc = argc - optind == 1 ? cat_one_stream(&o, argv[optind], &err)
				: cat_image(&o, argv[0], argv + optind, &err);
	return rc > 0 ? CLI_FAILED : command_end(argv[0], rc, &err);
}
