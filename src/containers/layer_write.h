/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers into a repository: an archive becomes a split stream and objects. */
#ifndef CFS_CONTAINERS_LAYER_WRITE_H
#define CFS_CONTAINERS_LAYER_WRITE_H

#include "oci/oci.h"
#include "store/store.h"

enum {
	/* Content of a regular file up to this many bytes stays in the stream, and in
	 * images. A part of the format: composefs-rs has the same number. */
	CFS_CONTAINERS_INLINE_MAX = 64,
	/* Workers of a store that one layer uses at a time: a sparse file is written as it
	 * is stored and expanded, and CFS_CONTAINERS_BLOB_WORKER keeps the blob. */
	CFS_CONTAINERS_LAYER_WORKERS = 3,
	CFS_CONTAINERS_BLOB_WORKER = 2,
};

#define CFS_CONTAINERS_LAYER_BYTES_DEFAULT (UINT64_C(64) << 30)

struct cfs_containers_layer_opts {
	struct cfs_store *store;
	unsigned worker;       /* and the next ones: CFS_CONTAINERS_LAYER_WORKERS */
	enum cfs_hash_alg alg; /* of objects */
	/* Uncompressed, and also of the holes of its sparse files, which are hashed;
	 * 0: CFS_CONTAINERS_LAYER_BYTES_DEFAULT. */
	uint64_t max_bytes;
	/* NULL, or what diff_id must be: else -EILSEQ, before the stream is stored. */
	const struct cfs_oci_digest *expected;
	const struct cfs_watch *watch; /* warnings and cancellation; may be NULL */
	/* NULL, or called after each content that is not empty, in the order of the archive,
	 * as it is stored there: its object, or NULL and all its bytes if it stays inline. */
	int (*content)(void *ctx, const struct cfs_digest *object, uint64_t len,
		       struct cfs_span bytes, struct cfs_err *err);
	void *content_ctx;
	/* NULL, or opens a file that probably has the content of the entry at path, so that its
	 * blocks are shared; a negative errno: there is none. */
	int (*open_file)(void *ctx, struct cfs_text path);
	void *open_file_ctx;
};

struct cfs_containers_layer {
	struct cfs_oci_digest diff_id; /* of all bytes of the archive */
	uint64_t bytes;		       /* of the archive */
	struct cfs_digest stream;      /* the object of the split stream */
	uint64_t n_entries, n_objects;
};

/* Reads an archive to its end and adds its split stream and objects to the store; durable
 * after cfs_store_commit. diff_id_alg: the algorithm of diff_id. The caller compares diff_id
 * before it gives the stream a name. -EINVAL: the archive is refused; -EFBIG: max_bytes; else
 * as the feed and the store. */
int cfs_containers_write_layer(struct cfs_feed tar, enum cfs_hash_alg diff_id_alg,
			       const struct cfs_containers_layer_opts *opts,
			       struct cfs_containers_layer *out,
			       struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a split stream that consists of a single object, as documents and blobs are kept.
 * names: called to add the named references; may be NULL. */
struct cfs_stream_writer;
int cfs_containers_write_document(const struct cfs_containers_layer_opts *opts,
				  const char *type, struct cfs_span bytes,
				  int (*names)(void *ctx, struct cfs_stream_writer *w,
					       struct cfs_err *err),
				  void *ctx, struct cfs_digest *out,
				  struct cfs_err *err) CFS_MUST_CHECK;

/* The same for an object of the store. */
int cfs_containers_write_single(
	const struct cfs_containers_layer_opts *opts, const char *type,
	const struct cfs_digest *object, uint64_t size,
	int (*names)(void *ctx, struct cfs_stream_writer *w, struct cfs_err *err),
	void *ctx, struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
