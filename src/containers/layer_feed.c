/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A split stream as a feed: inline data, and the contents of objects in their places. */
#include "containers/layer_feed.h"

#include <errno.h>

#include "containers/names.h"
#include "containers/piece_reader.h"
#include "repo/repo.h"

struct cfs_layer_feed {
	struct cfs_map map;
	struct cfs_stream stream;
	struct cfs_piece_reader pieces;
};

/* Feed of the uncompressed archive, as it was pulled: the bytes of the stream and the
 * objects in between. */
static ssize_t read_layer_bytes(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_piece_reader *r = &((struct cfs_layer_feed *)ctx)->pieces;

	for (;;) {
		ssize_t n = cfs_piece_reader_need(r, err);

		if (n < 0 || r->piece.kind == CFS_STREAM_END)
			return n;
		n = cfs_piece_reader_read(r, p, len, err);
		if (n != 0)
			return n;
	}
}

struct cfs_feed cfs_layer_feed_get(struct cfs_layer_feed *f)
{
	return (struct cfs_feed){read_layer_bytes, f};
}

void cfs_layer_feed_close(struct cfs_layer_feed *f)
{
	if (!f)
		return;
	cfs_piece_reader_fini(&f->pieces);
	cfs_stream_cursor_free(f->pieces.cursor);
	cfs_map_close(&f->map);
	free(f);
}

static int open_stream(struct cfs_layer_feed *f, const char *name, struct cfs_err *err)
{
	int rc = cfs_repo_open_stream(f->pieces.repo, name, &f->map, &f->stream, err);

	if (rc < 0)
		return rc;
	if (strcmp(f->stream.type, CFS_CONTAINERS_TYPE_LAYER) != 0)
		return cfs_fail(err, EUCLEAN,
				"%s: expected a layer, got a stream of type %s", name,
				f->stream.type);
	return cfs_stream_cursor_new(&f->stream, &f->pieces.cursor, err);
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
	f->pieces = (struct cfs_piece_reader){.repo = repo,
					      .object = {.fd = -1, .watch = watch}};
	cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER, diff_id, name);
	rc = open_stream(f, name, err);
	if (rc < 0) {
		cfs_layer_feed_close(f);
		return rc;
	}
	*out = f;
	return 0;
}
