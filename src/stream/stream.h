/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* stream: splitstreams: a stream of bytes (a layer, a document) as inline pieces and
 * references to objects.
 * Owns:  the format (version 0 of composefs-rs), its limits.
 * Uses:  base, verity (digests); zstd.
 * Never: opens an object, trusts a byte: every range, index and size is checked, and
 *        -EUCLEAN says which.
 */
#ifndef CFS_STREAM_H
#define CFS_STREAM_H

#include "base/base.h"
#include "verity/verity.h"

enum {
	CFS_STREAM_NAMES_MAX = 16 << 20, /* bytes of all names, unpacked */
	CFS_STREAM_WINDOW_LOG = 27,	 /* of zstd: 128 MiB */
};

/* An opened splitstream; spans are lent from its bytes. */
struct cfs_stream {
	enum cfs_hash_alg alg;
	char type[9];  /* of the content, as its producer named it; NUL-terminated */
	uint64_t size; /* of the rebuilt stream */
	struct cfs_span stream_refs, object_refs; /* ids, one behind another */
	struct cfs_span chunks, names;		  /* packed with zstd */
};

/* Checks the header and the ranges. alg: that of the repository, which the stream must
 * have. */
int cfs_stream_open(struct cfs_span bytes, enum cfs_hash_alg alg, struct cfs_stream *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The i-th of such ids. */
size_t cfs_stream_n_ids(const struct cfs_stream *s, struct cfs_span ids);
struct cfs_digest cfs_stream_id(const struct cfs_stream *s, struct cfs_span ids,
				size_t i);

/* Tells each named reference: its name, and its id. */
typedef int (*cfs_stream_name_fn)(void *ctx, struct cfs_text name,
				  const struct cfs_digest *id, struct cfs_err *err);
int cfs_stream_names(const struct cfs_stream *s, cfs_stream_name_fn fn, void *ctx,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Takes the stream, piece by piece. object is to tell the size of what it took. */
struct cfs_stream_sink {
	int (*data)(void *ctx, const void *p, size_t len, struct cfs_err *err);
	int (*object)(void *ctx, const struct cfs_digest *id, uint64_t *size_out,
		      struct cfs_err *err);
	void *ctx;
};

/* All of it, which must be just size bytes. */
int cfs_stream_read(const struct cfs_stream *s, const struct cfs_stream_sink *sink,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* --- writing
 * ------------------------------------------------------------------------------ */

/* A stream that is put together in order. Its packed chunks are in memory until it is
 * finished: some 1 to 5 % of a layer's size. */
struct cfs_stream_writer;

/* type: 1 to 8 bytes that name the content, such as "ocilayer". -EINVAL, -ENOMEM. */
int cfs_stream_writer_new(enum cfs_hash_alg alg, const char *type,
			  struct cfs_stream_writer **out,
			  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_stream_writer_free(struct cfs_stream_writer *w); /* NULL is fine */

/* The next len bytes, inline. What one call writes stays in one chunk: the reader of
 * composefs-rs demands that of a tar header, and of a small file with its padding. */
int cfs_stream_write_data(struct cfs_stream_writer *w, const void *p, size_t len,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* The next size bytes are the content of an object. */
int cfs_stream_write_object(struct cfs_stream_writer *w, const struct cfs_digest *id,
			    uint64_t size, struct cfs_err *err) CFS_MUST_CHECK;

/* The stream refers to an object that is not part of its bytes: garbage collection keeps
 * it. */
int cfs_stream_keep_object(struct cfs_stream_writer *w, const struct cfs_digest *id,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The stream refers to another stream, or to an image, under a name without NUL. */
int cfs_stream_name_stream(struct cfs_stream_writer *w, struct cfs_text name,
			   const struct cfs_digest *id,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the splitstream, and frees the writer whatever it returns. Its bytes, and so its
 * digest, depend on the version of libzstd: never compare those of two machines. */
int cfs_stream_writer_finish(struct cfs_stream_writer *w, struct cfs_sink to,
			     struct cfs_err *err) CFS_MUST_CHECK;

#endif
