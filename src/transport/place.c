/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Directories as places, and what all places share. */
#include "transport/place.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

int place_split(const char *spec, char **path, char **rest, struct cfs_err *err)
{
	const char *slash = strrchr(spec, '/');
	const char *colon = strrchr(slash ? slash : spec, ':');

	*rest = NULL;
	*path = colon ? strndup(spec, (size_t)(colon - spec)) : strdup(spec);
	if (colon)
		*rest = strdup(colon + 1);
	if (!*path || (colon && !*rest))
		return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

/* Appends exactly size bytes to out. */
static int read_blob_bytes(const struct cfs_blob *blob, size_t size, struct cfs_mem *out,
			   struct cfs_err *err)
{
	ssize_t n;

	if (cfs_grow(&out->p, &out->cap, out->len + size + 1, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_feed_read(&blob->feed, out->p + out->len, size, err);
	if (n < 0)
		return (int)n;
	if ((size_t)n < size)
		return cfs_fail(err, EIO, "truncated while it was read");
	out->len += size;
	return 0;
}

int place_read(const struct place *p, const char *path, size_t max, struct cfs_mem *out,
	       struct cfs_err *err)
{
	struct cfs_blob blob;
	uint64_t size;
	int rc = p->open(p->ctx, path, &blob, &size, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", path);
	if (size > max)
		rc = cfs_fail(err, EFBIG, "expected at most %zu bytes, got %llu", max,
			      (unsigned long long)size);
	else
		rc = read_blob_bytes(&blob, (size_t)size, out, err);
	blob.close(blob.feed.ctx);
	return cfs_context(err, rc, "%s", path);
}

/* --- directories -------------------------------------------------------------------- */

struct dir {
	int fd;
	const struct cfs_watch *watch;
};

static void file_close(void *ctx)
{
	struct cfs_watched_fd *from = ctx;

	close(from->fd);
	free(from);
}

/* Opens one file below the directory for reading. *out owns the descriptor and closes
 * it. Links that lead out of the directory are refused. */
static int dir_open(void *ctx, const char *path, struct cfs_blob *out, uint64_t *size,
		    struct cfs_err *err)
{
	const struct dir *d = ctx;
	cfs_autofd int fd = cfs_input_open(d->fd, path, CFS_INPUT_BENEATH, err);
	struct cfs_watched_fd *from;
	struct stat st;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "fstat");
	from = malloc(sizeof(*from));
	if (!from)
		return cfs_fail(err, ENOMEM, "out of memory");
	*from = (struct cfs_watched_fd){.fd = cfs_steal_fd(&fd), .watch = d->watch};
	*out = (struct cfs_blob){cfs_feed_watched_fd(from), file_close};
	*size = (uint64_t)st.st_size;
	return 0;
}

static void dir_close(void *ctx)
{
	struct dir *d = ctx;

	close(d->fd);
	free(d);
}

int place_open_dir(const char *path, const struct cfs_watch *watch, struct place *out,
		   struct cfs_err *err)
{
	cfs_autofd int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct dir *d;

	if (fd < 0)
		return cfs_fail_errno(err, "%s", path);
	d = malloc(sizeof(*d));
	if (!d)
		return cfs_fail(err, ENOMEM, "out of memory");
	*d = (struct dir){.fd = cfs_steal_fd(&fd), .watch = watch};
	*out = (struct place){dir_open, dir_close, d};
	return 0;
}
