/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The bytes of a split stream, piece by piece: inline data, and the contents of objects. */
#ifndef CFS_CONTAINERS_PIECE_READER_H
#define CFS_CONTAINERS_PIECE_READER_H

#include "base/base.h"
#include "stream/stream.h"

struct cfs_repo;

/* Starts with repo, cursor and object = {.fd = -1}, which are the caller's, and zeros. */
struct cfs_piece_reader {
	const struct cfs_repo *repo;
	struct cfs_stream_cursor *cursor;
	struct cfs_stream_piece piece; /* data: what was not read yet */
	bool has_piece;
	struct cfs_watched_fd object; /* that is being read; fd -1: none */
	uint64_t object_size;
};

/* Gets the next piece unless the last one was not read to its end. At the end of the stream
 * the piece is CFS_STREAM_END, and stays so. */
int cfs_piece_reader_need(struct cfs_piece_reader *r, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads from the piece, which is data or an object; an object is verified when it is opened.
 * 0: the piece has ended, the stream perhaps not. */
ssize_t cfs_piece_reader_read(struct cfs_piece_reader *r, void *p, size_t len,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* Drops the piece, of which nothing was read. */
static inline void cfs_piece_reader_skip(struct cfs_piece_reader *r)
{
	r->has_piece = false;
}

/* Closes the object. The cursor is the caller's. */
void cfs_piece_reader_fini(struct cfs_piece_reader *r);

#endif
