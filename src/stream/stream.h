/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* stream: splitstreams, which store a stream of bytes (a layer, a document) as inline
 * data and references to objects.
 * Owns:  the format (version 0 of composefs-rs), its limits.
 * Uses:  base, hash (digest lengths), verity (digests); zstd.
 * Never: opens objects or files.
 *
 * Every range, index and size of the input is checked (-EUCLEAN).
 */
#ifndef CFS_STREAM_H
#define CFS_STREAM_H

#include "base/base.h"
#include "verity/verity.h"

enum {
	CFS_STREAM_NAMES_MAX = 16 << 20, /* bytes of all names, decompressed */
	CFS_STREAM_WINDOW_LOG = 27,	 /* of zstd: 128 MiB */
};

/* An open splitstream. Spans are borrowed from its bytes. */
struct cfs_stream {
	enum cfs_hash_alg alg;
	char type[9];				  /* content type, NUL-terminated */
	uint64_t size;				  /* of the rebuilt stream */
	struct cfs_span stream_refs, object_refs; /* arrays of IDs */
	struct cfs_span chunks, names;		  /* compressed with zstd */
};

/* Checks the header and the ranges. alg: the algorithm of the repository, which the
 * stream must have. */
int cfs_stream_open(struct cfs_span bytes, enum cfs_hash_alg alg, struct cfs_stream *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The number of IDs in a span, and the i-th ID. */
size_t cfs_stream_count_ids(const struct cfs_stream *s, struct cfs_span ids);
struct cfs_digest cfs_stream_get_id(const struct cfs_stream *s, struct cfs_span ids,
				    size_t i);

/* Calls fn for each named reference. */
typedef int (*cfs_stream_name_fn)(void *ctx, struct cfs_text name,
				  const struct cfs_digest *id, struct cfs_err *err);
int cfs_stream_visit_names(const struct cfs_stream *s, cfs_stream_name_fn fn, void *ctx,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Receives the stream in order. object sets *size_out to the size of the object. */
struct cfs_stream_sink {
	int (*data)(void *ctx, const void *p, size_t len, struct cfs_err *err);
	int (*object)(void *ctx, const struct cfs_digest *id, uint64_t *size_out,
		      struct cfs_err *err);
	void *ctx;
};

/* Reads a stream in order, a piece at a time. The stream and its bytes must outlive the
 * cursor. */
struct cfs_stream_cursor;
int cfs_stream_cursor_new(const struct cfs_stream *s, struct cfs_stream_cursor **out,
			  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_stream_cursor_free(struct cfs_stream_cursor *c); /* NULL is fine */

struct cfs_stream_piece {
	enum { CFS_STREAM_END, CFS_STREAM_DATA, CFS_STREAM_OBJECT } kind;
	struct cfs_span data;	  /* CFS_STREAM_DATA: borrowed until the next call */
	struct cfs_digest object; /* CFS_STREAM_OBJECT */
};

/* Reads the next piece. After an object, pass its size to cfs_stream_add_object_size before
 * the next call. -EUCLEAN: the stream is damaged, or has not exactly size bytes. */
int cfs_stream_next(struct cfs_stream_cursor *c, struct cfs_stream_piece *out,
		    struct cfs_err *err) CFS_MUST_CHECK;
int cfs_stream_add_object_size(struct cfs_stream_cursor *c, uint64_t size,
			       struct cfs_err *err) CFS_MUST_CHECK;

/* Reads the whole stream, which must have exactly size bytes. */
int cfs_stream_read(const struct cfs_stream *s, const struct cfs_stream_sink *sink,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* --- writing ------------------------------------------------------------------------ */

/* Writes a stream in order. The compressed chunks are kept in memory until it is
 * finished: 1 to 5 % of the size of a layer. */
struct cfs_stream_writer;

/* type: the content type, 1 to 8 bytes, such as "ocilayer". -EINVAL, -ENOMEM. */
int cfs_stream_writer_new(enum cfs_hash_alg alg, const char *type,
			  struct cfs_stream_writer **out,
			  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_stream_writer_free(struct cfs_stream_writer *w); /* NULL is fine */

/* Writes len bytes of inline data. The data of one call stays in one chunk: composefs-rs
 * requires that of a tar header, and of a small file with its padding. */
int cfs_stream_write_data(struct cfs_stream_writer *w, const void *p, size_t len,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the content of an object, size bytes, as a reference. */
int cfs_stream_write_object(struct cfs_stream_writer *w, const struct cfs_digest *id,
			    uint64_t size, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a reference to an object that is not part of the bytes, so that garbage collection
 * keeps it. */
int cfs_stream_keep_object(struct cfs_stream_writer *w, const struct cfs_digest *id,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a named reference to another stream or to an image. name: without NUL. */
int cfs_stream_name_stream(struct cfs_stream_writer *w, struct cfs_text name,
			   const struct cfs_digest *id,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the splitstream. Always frees the writer. The bytes, and so the digest, depend
 * on the version of libzstd: do not compare digests of different machines. */
int cfs_stream_writer_finish(struct cfs_stream_writer *w, struct cfs_sink to,
			     struct cfs_err *err) CFS_MUST_CHECK;

#endif
