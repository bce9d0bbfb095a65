/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Content that arrives in pieces. It is kept in the buffer of the worker while it fits,
 * so that an object that exists already is not written. Larger content is digested and
 * written to a temporary file. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "store/store_priv.h"

struct cfs_store_writer {
	struct cfs_store *store;
	unsigned worker;
	uint64_t max_len;
	uint64_t off;		  /* bytes before those in the buffer */
	size_t in_buf;		  /* bytes in the worker's buffer */
	struct store_object file; /* fd -1: all of it is in the buffer */
	int like;		  /* a file with the same content perhaps, or -1 */
	bool is_clone;		  /* file is one of like */
};

int cfs_store_writer_open(struct cfs_store *store, unsigned worker, uint64_t max_len,
			  struct cfs_store_writer **out, struct cfs_err *err)
{
	struct cfs_store_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return cfs_fail(err, ENOMEM, "out of memory");
	w->store = store;
	w->worker = worker;
	w->max_len = max_len;
	w->file.fd = w->like = -1;
	cfs_verity_reset(store->workers[worker].verity);
	*out = w;
	return 0;
}

void cfs_store_writer_share(struct cfs_store_writer *writer, int fd)
{
	writer->like = fd;
}

/* The first bytes need a file. */
static int open_writer_file(struct cfs_store_writer *w, struct cfs_err *err)
{
	int rc = store_open_temp(w->store, &w->file, err);

	if (rc < 0)
		w->file.fd = -1;
	else
		w->is_clone =
			w->like >= 0 && store_share_blocks(w->store, w->like, &w->file);
	return rc;
}

/* Moves the buffer to the file. */
static int writer_flush(struct cfs_store_writer *w, struct cfs_err *err)
{
	struct store_worker *own = &w->store->workers[w->worker];
	int rc = cfs_watch_poll(w->store->opts.watch, err);

	if (rc < 0)
		return rc;
	if (w->file.fd < 0)
		rc = open_writer_file(w, err);
	if (rc < 0)
		return rc;
	cfs_verity_update(own->verity, own->buf, w->in_buf);
	rc = w->is_clone
		     ? store_write_over(own, (struct cfs_span){own->buf, w->in_buf},
					w->file.fd, w->off, err)
		     : store_write_sparse(w->file.fd, own->buf, w->in_buf, w->off, err);
	w->off += w->in_buf;
	w->in_buf = 0;
	return rc;
}

/* The write function of the sink. Small contents stay in the buffer of the worker and
 * need no temporary file; -EFBIG as soon as max_len is exceeded. */
static int writer_write(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct cfs_store_writer *w = ctx;
	uint8_t *buf = w->store->workers[w->worker].buf;

	if (len > w->max_len - w->off - w->in_buf)
		return cfs_fail(err, EFBIG,
				"expected at most %" PRIu64 " bytes, got more",
				w->max_len);
	while (len) {
		size_t n = STORE_BUF_LEN - w->in_buf;
		int rc;

		/* A full buffer waits for the next byte: a content of just that length
		 * stays in memory. */
		if (n == 0) {
			rc = writer_flush(w, err);
			if (rc < 0)
				return rc;
			continue;
		}
		n = n < len ? n : len;
		memcpy(buf + w->in_buf, p, n);
		w->in_buf += n;
		p = (const uint8_t *)p + n;
		len -= n;
	}
	return 0;
}

struct cfs_sink cfs_store_writer_get_sink(struct cfs_store_writer *writer)
{
	return (struct cfs_sink){writer_write, writer};
}

int store_check_digest(const struct cfs_digest *got, const struct cfs_digest *expected,
		       struct cfs_err *err)
{
	char a[CFS_DIGEST_TEXT_MAX], b[CFS_DIGEST_TEXT_MAX];

	if (!expected || cfs_digest_eq(got, expected))
		return 0;
	return cfs_fail(err, EILSEQ, "digest: expected %s, got %s",
			cfs_digest_text(expected, a), cfs_digest_text(got, b));
}

static int writer_finish_file(struct cfs_store_writer *w, struct cfs_err *err)
{
	uint64_t size = w->off;
	int rc = store_set_length(w->file.fd, size, err);

	if (rc < 0)
		return rc;
	return store_finish(w->store, w->worker, &w->file, size, err);
}

int cfs_store_writer_finish(struct cfs_store_writer *writer,
			    const struct cfs_digest *expected, struct cfs_digest *out,
			    struct cfs_err *err)
{
	struct store_worker *own = &writer->store->workers[writer->worker];
	struct cfs_span in_buf = {own->buf, writer->in_buf};
	bool in_file = writer->file.fd >= 0;
	int rc = 0;

	if (in_file)
		rc = writer_flush(writer, err);
	else
		cfs_verity_update(own->verity, in_buf.p, in_buf.len);
	if (rc == 0) {
		cfs_verity_final(own->verity, out);
		writer->file.digest = *out;
		rc = store_check_digest(out, expected, err);
	}
	if (rc == 0)
		rc = in_file ? writer_finish_file(writer, err)
			     : store_add_known(writer->store, writer->worker, in_buf,
					       in_buf.len < CFS_STORE_SHARE_MIN
						       ? -1
						       : writer->like,
					       out, err);
	cfs_store_writer_drop(writer);
	return rc;
}

void cfs_store_writer_drop(struct cfs_store_writer *writer)
{
	if (!writer)
		return;
	if (writer->file.fd >= 0)
		store_drop(writer->store, &writer->file);
	free(writer);
}
