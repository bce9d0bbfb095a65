/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A split stream as a feed: inline data, and the contents of objects in their places. */
#include "containers/layer_feed.h"

#include <errno.h>

#include "containers/names.h"
#include "repo/repo.h"

struct cfs_layer_feed {
	const struct cfs_repo *repo;
	struct cfs_map map;
	struct cfs_stream stream;
	struct cfs_stream_cursor *cursor;
	struct cfs_stream_piece piece; /* data: what was not read yet */
	bool has_piece;
	struct cfs_watched_fd object; /* that is being read; fd -1: none */
	uint64_t object_size;
};

static int next_piece(struct cfs_layer_feed *f, struct cfs_err *err)
{
	int rc = cfs_stream_next(f->cursor, &f->piece, err);

	if (rc < 0)
		return rc;
	f->has_piece = true;
	if (f->piece.kind != CFS_STREAM_OBJECT)
		return 0;
	f->object_size = 0;
	f->object.fd =
		cfs_repo_open_object(f->repo, &f->piece.object, CFS_REPO_PROVEN, err);
	return f->object.fd < 0 ? f->object.fd : 0;
}

static ssize_t read_data(struct cfs_layer_feed *f, void *p, size_t len)
{
	struct cfs_span *data = &f->piece.data;
	size_t n = len < data->len ? len : data->len;

	memcpy(p, data->p, n);
	*data = (struct cfs_span){data->p + n, data->len - n};
	f->has_piece = data->len > 0;
	return (ssize_t)n;
}

/* 0: the object ended; go on with the next piece. */
static ssize_t read_object(struct cfs_layer_feed *f, void *p, size_t len,
			   struct cfs_err *err)
{
	struct cfs_feed from = cfs_feed_watched_fd(&f->object);
	ssize_t n = from.read(from.ctx, p, len, err);

	if (n > 0)
		f->object_size += (uint64_t)n;
	if (n != 0)
		return n;
	close(cfs_steal_fd(&f->object.fd));
	f->has_piece = false;
	return cfs_stream_add_object_size(f->cursor, f->object_size, err);
}

static ssize_t feed_read(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_layer_feed *f = ctx;

	for (;;) {
		ssize_t n = f->has_piece ? 0 : next_piece(f, err);

		if (n < 0 || f->piece.kind == CFS_STREAM_END)
			return n;
		n = f->piece.kind == CFS_STREAM_DATA ? read_data(f, p, len)
						     : read_object(f, p, len, err);
		if (n != 0)
			return n;
	}
}

struct cfs_feed cfs_layer_feed(struct cfs_layer_feed *f)
{
	return (struct cfs_feed){feed_read, f};
}

void cfs_layer_feed_close(struct cfs_layer_feed *f)
{
	if (!f)
		return;
	if (f->object.fd >= 0)
		close(f->object.fd);
	cfs_stream_cursor_free(f->cursor);
	cfs_map_close(&f->map);
	free(f);
}

static int open_stream(struct cfs_layer_feed *f, const char *name, struct cfs_err *err)
{
	int rc = cfs_repo_open_stream(f->repo, name, &f->map, &f->stream, err);

	if (rc < 0)
		return rc;
	if (strcmp(f->stream.type, CFS_CONTAINERS_TYPE_LAYER) != 0)
		return cfs_fail(err, EUCLEAN,
				"%s: expected a layer, got a stream of type %s", name,
				f->stream.type);
	return cfs_stream_cursor_new(&f->stream, &f->cursor, err);
}

int cfs_layer_feed_open(const struct cfs_repo *repo, const struct cfs_oci_digest *diff_id,
			const struct cfs_watch *watch, struct cfs_layer_feed **out,
			struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_layer_feed *f = calloc(1, sizeof(*f));
	int rc;

	if (!f)
		return cfs_fail(err, ENOMEM, "out of memory");
	f->repo = repo;
	f->object = (struct cfs_watched_fd){.fd = -1, .watch = watch};
	cfs_containers_stream_name(CFS_CONTAINERS_LAYER, diff_id, name);
	rc = open_stream(f, name, err);
	if (rc < 0) {
		cfs_layer_feed_close(f);
		return rc;
	}
	*out = f;
	return 0;
}
