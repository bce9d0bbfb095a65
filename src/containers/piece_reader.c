/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "containers/piece_reader.h"

#include <string.h>
#include <unistd.h>

#include "repo/repo.h"

int cfs_piece_reader_need(struct cfs_piece_reader *r, struct cfs_err *err)
{
	int rc;

	if (r->has_piece)
		return 0;
	rc = cfs_stream_next(r->cursor, &r->piece, err);
	r->has_piece = rc == 0;
	return rc;
}

static ssize_t read_inline_piece(struct cfs_piece_reader *r, void *p, size_t len)
{
	struct cfs_span *data = &r->piece.data;
	size_t n = len < data->len ? len : data->len;

	memcpy(p, data->p, n);
	*data = (struct cfs_span){data->p + n, data->len - n};
	r->has_piece = data->len > 0;
	return (ssize_t)n;
}

static int open_piece_object(struct cfs_piece_reader *r, struct cfs_err *err)
{
	r->object_size = 0;
	r->object.fd =
		cfs_repo_open_object(r->repo, &r->piece.object, CFS_REPO_PROVEN, err);
	return r->object.fd < 0 ? r->object.fd : 0;
}

/* Reads from the object of the current piece. Its size is compared with what the
 * stream says, at its end. */
static ssize_t read_piece_object(struct cfs_piece_reader *r, void *p, size_t len,
				 struct cfs_err *err)
{
	struct cfs_feed from = cfs_feed_watched_fd(&r->object);
	int rc = r->object.fd < 0 ? open_piece_object(r, err) : 0;
	ssize_t n = rc < 0 ? rc : from.read(from.ctx, p, len, err);

	if (n > 0)
		r->object_size += (uint64_t)n;
	if (n != 0)
		return n;
	close(cfs_steal_fd(&r->object.fd));
	r->has_piece = false;
	return cfs_stream_add_object_size(r->cursor, r->object_size, err);
}

ssize_t cfs_piece_reader_read(struct cfs_piece_reader *r, void *p, size_t len,
			      struct cfs_err *err)
{
	return r->piece.kind == CFS_STREAM_DATA ? read_inline_piece(r, p, len)
						: read_piece_object(r, p, len, err);
}

void cfs_piece_reader_fini(struct cfs_piece_reader *r)
{
	if (r->object.fd >= 0)
		close(cfs_steal_fd(&r->object.fd));
}
