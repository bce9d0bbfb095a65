/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An archive becomes a split stream: the headers and small files stay inline, the contents of
 * larger files become objects. */
#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "containers/layer_write.h"
#include "containers/names.h"
#include "stream/stream.h"
#include "tar/tar.h"

struct layer_writer {
	const struct cfs_containers_layer_opts *opts;
	struct cfs_feed feed;
	struct cfs_hash hash; /* of all bytes of the archive */
	uint64_t bytes, max_bytes;
	struct cfs_stream_writer *stream;
	/* A small file and its padding are written in one call, see cfs_stream_write_data. */
	uint8_t small[CFS_CONTAINERS_INLINE_MAX + CFS_TAR_BLOCK];
	size_t small_len;
	uint64_t n_entries, n_objects;
};

/* --- bytes of the archive ----------------------------------------------------------- */

/* Feed of the archive: counts and hashes the bytes, because the diff_id is the digest
 * of them, and stops a decompression bomb. */
static ssize_t read_hashed(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct layer_writer *w = ctx;
	ssize_t n = w->feed.read(w->feed.ctx, p, len, err);

	if (n <= 0)
		return n;
	if ((uint64_t)n > w->max_bytes - w->bytes)
		return cfs_fail(err, EFBIG,
				"expected a layer of at most %" PRIu64
				" bytes uncompressed, got more",
				w->max_bytes);
	w->bytes += (uint64_t)n;
	cfs_hash_update(&w->hash, p, (size_t)n);
	return n;
}

/* --- inline data -------------------------------------------------------------------- */

static int keep_small(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct layer_writer *w = ctx;

	if (len > CFS_CONTAINERS_INLINE_MAX - w->small_len)
		return cfs_fail(err, EINVAL,
				"expected content of at most %d bytes, got more",
				CFS_CONTAINERS_INLINE_MAX);
	memcpy(w->small + w->small_len, p, len);
	w->small_len += len;
	return 0;
}

static int write_raw(void *ctx, enum cfs_tar_raw kind, struct cfs_span bytes,
		     struct cfs_err *err)
{
	struct layer_writer *w = ctx;
	size_t len = w->small_len;

	if (kind != CFS_TAR_RAW_PADDING || len == 0 || bytes.len > CFS_TAR_BLOCK)
		return cfs_stream_write_data(w->stream, bytes.p, bytes.len, err);
	memcpy(w->small + len, bytes.p, bytes.len);
	w->small_len = 0;
	return cfs_stream_write_data(w->stream, w->small, len + bytes.len, err);
}

/* --- contents ----------------------------------------------------------------------- */

static int discard_content(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)ctx, (void)p, (void)len, (void)err;
	return 0;
}

/* Writes the content of an entry as objects: as it is stored, and for a sparse file expanded. */
struct content_writers {
	struct cfs_store_writer *stored, *expanded;
	int like; /* a file whose blocks are shared, or -1 */
};

static int open_writer(const struct layer_writer *w, unsigned i, uint64_t len,
		       struct cfs_store_writer **out, struct cfs_sink *sink,
		       struct cfs_err *err)
{
	int rc =
		cfs_store_writer_open(w->opts->store, w->opts->worker + i, len, out, err);

	if (rc == 0)
		*sink = cfs_store_writer_get_sink(*out);
	return rc;
}

/* Finds a file on the disk with the content of the entry. A sparse file has other bytes there than
 * in the archive. */
static void share_content(const struct layer_writer *w, const struct cfs_tar_entry *e,
			  struct content_writers *c)
{
	const struct cfs_containers_layer_opts *o = w->opts;

	if (!o->open_file || e->is_sparse || e->stored_len < CFS_STORE_SHARE_MIN ||
	    !cfs_store_may_share(o->store))
		return;
	c->like = o->open_file(o->open_file_ctx, e->path);
	if (c->like >= 0)
		cfs_store_writer_share(c->stored, c->like);
}

/* Opens the writers of one file: its bytes as stored and, if it is sparse, as a reader
 * of the image sees them. Small contents need none. */
static int open_writers(struct layer_writer *w, const struct cfs_tar_entry *e,
			struct content_writers *c, struct cfs_sink *stored,
			struct cfs_sink *expanded, struct cfs_err *err)
{
	int rc = 0;

	*stored = (struct cfs_sink){keep_small, w};
	*expanded = (struct cfs_sink){discard_content, NULL};
	if (e->stored_len > CFS_CONTAINERS_INLINE_MAX)
		rc = open_writer(w, 0, e->stored_len, &c->stored, stored, err);
	if (rc == 0 && c->stored)
		share_content(w, e, c);
	if (rc == 0 && e->is_sparse && e->inode.size > CFS_CONTAINERS_INLINE_MAX)
		rc = open_writer(w, 1, e->inode.size, &c->expanded, expanded, err);
	return rc;
}

static int finish_writer(struct layer_writer *w, struct cfs_store_writer **writer,
			 struct cfs_digest *out, struct cfs_err *err)
{
	w->n_objects++;
	return cfs_store_writer_finish(cfs_steal(writer), NULL, out, err);
}

/* The stream refers to the object of the stored bytes in their place. An expanded file is not part of the archive, but
 * images refer to its object: the stream keeps it from garbage collection. */
static int finish_content(struct layer_writer *w, const struct cfs_tar_entry *e,
			  struct content_writers *c, struct cfs_err *err)
{
	bool is_inline = !c->stored;
	struct cfs_digest id;
	int rc = 0;

	if (!is_inline) {
		rc = finish_writer(w, &c->stored, &id, err);
		if (rc == 0)
			rc = cfs_stream_write_object(w->stream, &id, e->stored_len, err);
	}
	if (rc == 0 && w->opts->content)
		rc = w->opts->content(w->opts->content_ctx, is_inline ? NULL : &id,
				      e->stored_len,
				      (struct cfs_span){w->small, w->small_len}, err);
	if (rc == 0 && c->expanded) {
		rc = finish_writer(w, &c->expanded, &id, err);
		if (rc == 0)
			rc = cfs_stream_keep_object(w->stream, &id, err);
	}
	return rc;
}

/* Only regular files have content. */
static int write_content(struct layer_writer *w, struct cfs_tar *tar,
			 const struct cfs_tar_entry *e, struct cfs_err *err)
{
	struct content_writers c = {.like = -1};
	struct cfs_sink stored, expanded;
	int rc = open_writers(w, e, &c, &stored, &expanded, err);

	if (rc == 0)
		rc = e->is_sparse ? cfs_tar_copy(tar, expanded, &stored, err)
				  : cfs_tar_copy(tar, stored, NULL, err);
	if (rc == 0)
		rc = finish_content(w, e, &c, err);
	cfs_store_writer_drop(c.stored);
	cfs_store_writer_drop(c.expanded);
	if (c.like >= 0)
		close(c.like);
	return rc;
}

/* Goes through the archive, and stores the content of each file that has one. Hard
 * links have none. */
static int write_entries(struct layer_writer *w, struct cfs_tar *tar, struct cfs_err *err)
{
	const struct cfs_tar_entry *e;

	for (;;) {
		int rc = cfs_tar_next(tar, &e, err);

		if (rc <= 0)
			return rc;
		w->n_entries++;
		if (!e->is_link && S_ISREG(e->inode.mode) && e->inode.size)
			rc = write_content(w, tar, e, err);
		if (rc < 0)
			return rc;
	}
}

/* --- the whole ---------------------------------------------------------------------- */

/* Adds the bytes of the stream to the store. Always frees the stream. */
static int store_stream(const struct cfs_containers_layer_opts *opts,
			struct cfs_stream_writer *stream, struct cfs_digest *out,
			struct cfs_err *err)
{
	struct cfs_store_writer *to;
	int rc = cfs_store_writer_open(opts->store, opts->worker, UINT64_MAX, &to, err);

	if (rc < 0) {
		cfs_stream_writer_free(stream);
		return rc;
	}
	rc = cfs_stream_writer_finish(stream, cfs_store_writer_get_sink(to), err);
	if (rc < 0) {
		cfs_store_writer_drop(to);
		return rc;
	}
	return cfs_store_writer_finish(to, NULL, out, err);
}

/* Splits the archive: raw header bytes into the stream, contents into objects. So it
 * can be put together again byte for byte. */
static int split_archive(struct layer_writer *w, struct cfs_err *err)
{
	struct cfs_tar_opts opts = {
		.watch = w->opts->watch,
		.raw = write_raw,
		.raw_ctx = w,
		/* No more than layer_read.c accepts. */
		.max_holes = w->max_bytes < CFS_TAR_HOLES_DEFAULT ? w->max_bytes
								  : CFS_TAR_HOLES_DEFAULT,
	};
	struct cfs_tar *tar;
	int rc = cfs_tar_open((struct cfs_feed){read_hashed, w}, &opts, &tar, err);

	if (rc < 0)
		return rc;
	rc = write_entries(w, tar, err);
	cfs_tar_close(tar);
	return rc;
}

/* The stream is stored only if the diff_id of the bytes is the expected one. Objects
 * that were stored before a failure have no name, and a collection removes them. */
int cfs_containers_write_layer(struct cfs_feed tar, enum cfs_hash_alg diff_id_alg,
			       const struct cfs_containers_layer_opts *opts,
			       struct cfs_containers_layer *out, struct cfs_err *err)
{
	struct layer_writer w = {.opts = opts, .feed = tar};
	int rc = cfs_stream_writer_new(opts->alg, CFS_CONTAINERS_TYPE_LAYER, &w.stream,
				       err);

	if (rc < 0)
		return rc;
	w.max_bytes =
		opts->max_bytes ? opts->max_bytes : CFS_CONTAINERS_LAYER_BYTES_DEFAULT;
	cfs_hash_init(&w.hash, diff_id_alg);
	rc = split_archive(&w, err);
	cfs_oci_digest_final(&w.hash, &out->diff_id);
	if (rc == 0 && opts->expected)
		rc = cfs_context(
			err, cfs_oci_digest_expect(opts->expected, &out->diff_id, err),
			"diff_id");
	if (rc == 0)
		rc = store_stream(opts, cfs_steal(&w.stream), &out->stream, err);
	cfs_stream_writer_free(w.stream);
	if (rc < 0)
		return rc;
	out->bytes = w.bytes;
	out->n_entries = w.n_entries;
	out->n_objects = w.n_objects;
	return 0;
}

int cfs_containers_write_single(const struct cfs_containers_layer_opts *opts,
				const char *type, const struct cfs_digest *object,
				uint64_t size,
				int (*names)(void *ctx, struct cfs_stream_writer *w,
					     struct cfs_err *err),
				void *ctx, struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_stream_writer *stream;
	int rc = cfs_stream_writer_new(opts->alg, type, &stream, err);

	if (rc < 0)
		return rc;
	rc = cfs_stream_write_object(stream, object, size, err);
	if (rc == 0 && names)
		rc = names(ctx, stream, err);
	if (rc < 0) {
		cfs_stream_writer_free(stream);
		return rc;
	}
	return store_stream(opts, stream, out, err);
}

int cfs_containers_write_document(const struct cfs_containers_layer_opts *opts,
				  const char *type, struct cfs_span bytes,
				  int (*names)(void *ctx, struct cfs_stream_writer *w,
					       struct cfs_err *err),
				  void *ctx, struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_digest id;
	int rc = cfs_store_add_mem(opts->store, opts->worker, bytes, &id, err);

	return rc < 0 ? rc
		      : cfs_containers_write_single(opts, type, &id, bytes.len, names,
						    ctx, out, err);
}
