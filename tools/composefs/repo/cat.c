/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs cat: print a stream, or files of an image. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "composefs/repo/commands.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
};

static const struct cli_option option_table[] = {
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] STREAM", "[OPTIONS] IMAGE PATH...",
				       NULL},
	.about = "Write files of an image to standard output, one after the other, or a "
		 "stream of the\nrepository exactly as it was imported. Symbolic links "
		 "are "
		 "followed inside the image.",
	.example = (const char *const[]){"composefs cat --repo=repo os/7 /etc/os-release",
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
static int write_object(void *ctx, const struct cfs_digest *id, uint64_t *size,
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
	struct cfs_stream_sink sink = {write_data, write_object, repo};
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

static int write_external(struct cfs_repo *repo, const struct cfs_image *im,
			  const struct cfs_inode *inode, struct cfs_err *err)
{
	struct cfs_digest id;
	uint64_t size;
	int rc = cfs_repo_inode_object(repo, im, inode, &id, err);

	return rc < 0 ? rc : write_object(repo, &id, &size, err);
}

static int cat_file(struct cfs_repo *repo, const struct cfs_image *im, const char *path,
		    struct cfs_err *err)
{
	uint8_t buf[CFS_CONTENT_MAX];
	struct cfs_inode inode;
	struct cfs_span span;
	int rc = cfs_image_resolve(im, cfs_text(path), CFS_RESOLVE_LAST, &inode, NULL,
				   err);

	if (rc == 0 && !S_ISREG(inode.mode))
		rc = cfs_fail(err, EINVAL, "expected a regular file");
	if (rc == 0 && inode.external) {
		rc = write_external(repo, im, &inode, err);
	} else if (rc == 0) {
		span = cfs_inode_content(&inode, buf);
		rc = write_data(NULL, span.p, span.len, err);
	}
	return cfs_context(err, rc, "%s", path);
}

/* A file that cannot be read does not stop the others. Returns 1 if an error was reported. */
static int cat_files(const char *program, struct cfs_repo *repo, char **operands,
		     struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_repo_open_image(repo, operands[0], &map, &im, NULL, err), failed = 0;

	if (rc < 0)
		return rc;
	for (char **path = operands + 1; *path; path++) {
		rc = cat_file(repo, &im, *path, err);
		if (rc == -EPIPE || rc == -ECANCELED)
			break;
		if (rc < 0) {
			command_print_error(program, err);
			failed = 1;
			rc = 0;
		}
	}
	cfs_map_close(&map);
	return rc < 0 ? rc : failed;
}

static int print_contents(const struct repo_work *w, struct cfs_err *err)
{
	return w->operands[1] ? cat_files(w->program, w->repo, w->operands, err)
			      : cat_stream(w->repo, w->operands[0], err);
}

static const struct repo_command command = {
	&syntax,       1, INT_MAX, "expected STREAM or IMAGE PATH...", CFS_REPO_LOOK,
	print_contents};

int cmd_cat(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
