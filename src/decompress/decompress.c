/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The feed of plain bytes: input, limits, and the choice of the format. */
#include <errno.h>
#include <inttypes.h>

#include "decompress/decompress_priv.h"

enum { BUF_LEN = 128 * 1024, MAGIC_LEN = 10 };

struct cfs_decompress {
	struct cfs_feed from;
	const struct cfs_decompress_opts *opts;
	const struct decompress_format *format; /* NULL: plain bytes */
	void *state;
	uint8_t *buf;
	struct cfs_span in; /* of buf, not used yet */
	bool at_end;	    /* of the input */
	bool has_warned;
	uint64_t n_in, n_out; /* bytes used and made */
};

/* --- formats by magic ------------------------------------------------------------------- */

static bool has_magic(struct cfs_span in, const char *magic, size_t len)
{
	return in.len >= len && memcmp(in.p, magic, len) == 0;
}

static bool is_zstd(struct cfs_span in)
{
	uint32_t magic = in.len >= 4 ? cfs_le32(in.p) : 0;

	return magic == 0xfd2fb528 || (magic & 0xfffffff0) == 0x184d2a50;
}

static int fail_unsupported(const char *name, struct cfs_err *err)
{
	return cfs_fail(err, ENOTSUP,
			"compression by %s is not supported: expected gzip, zstd or none",
			name);
}

/* Chooses by the first bytes, not by names or media types, which are often wrong.
 * Without a known magic the data is not compressed. */
static int choose_format(struct cfs_decompress *d, struct cfs_err *err)
{
	if (has_magic(d->in, "\x1f\x8b", 2))
		d->format = &decompress_gzip;
	else if (is_zstd(d->in))
		d->format = &decompress_zstd;
	else if (has_magic(d->in,
			   "\xfd"
			   "7zXZ\0",
			   6))
		return fail_unsupported("xz", err);
	else if (has_magic(d->in, "BZh", 3) && d->in.len >= MAGIC_LEN &&
		 memcmp(d->in.p + 4, "1AY&SY", 6) == 0)
		return fail_unsupported("bzip2", err);
	return d->format ? d->format->begin(&d->state, err) : 0;
}

/* --- input ------------------------------------------------------------------------------ */

/* Reads more input behind what is left. */
static int read_compressed(struct cfs_decompress *d, struct cfs_err *err)
{
	ssize_t n = cfs_watch_poll(d->opts->watch, err);

	if (d->in.len)
		memmove(d->buf, d->in.p, d->in.len);
	d->in.p = d->buf;
	if (n == 0)
		n = d->from.read(d->from.ctx, d->buf + d->in.len, BUF_LEN - d->in.len,
				 err);
	if (n < 0)
		return (int)n;
	d->at_end = n == 0;
	d->in.len += (size_t)n;
	return 0;
}

/* Reads the first bytes, which choose the format; what is neither gzip nor zstd passes
 * unchanged. *out borrows opts and the feed. */
int cfs_decompress_open(struct cfs_feed from, const struct cfs_decompress_opts *opts,
			struct cfs_decompress **out, struct cfs_err *err)
{
	static const struct cfs_decompress_opts no_opts;
	struct cfs_decompress *d = calloc(1, sizeof(*d));
	int rc = 0;

	if (!d || !(d->buf = cfs_page_alloc(BUF_LEN))) {
		free(d);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	d->from = from;
	d->opts = opts ? opts : &no_opts;
	while (rc == 0 && !d->at_end && d->in.len < MAGIC_LEN)
		rc = read_compressed(d, err);
	if (rc == 0)
		rc = choose_format(d, err);
	if (rc < 0)
		cfs_decompress_close(d);
	else
		*out = d;
	return rc;
}

void cfs_decompress_close(struct cfs_decompress *d)
{
	if (!d)
		return;
	if (d->state)
		d->format->end(d->state);
	free(d->buf);
	free(d);
}

enum cfs_compression cfs_decompress_get_kind(const struct cfs_decompress *d)
{
	if (!d->format)
		return CFS_COMPRESSION_NONE;
	return d->format == &decompress_gzip ? CFS_COMPRESSION_GZIP
					     : CFS_COMPRESSION_ZSTD;
}

/* --- output ----------------------------------------------------------------------------- */

static ssize_t read_plain(struct cfs_decompress *d, void *p, size_t len,
			  struct cfs_err *err)
{
	size_t n = d->in.len < len ? d->in.len : len;

	if (n == 0)
		return d->at_end ? 0 : d->from.read(d->from.ctx, p, len, err);
	memcpy(p, d->in.p, n);
	d->in.p += n;
	d->in.len -= n;
	return (ssize_t)n;
}

/* Called after each step, so that an archive that expands without end is found early.
 * Small outputs have no ratio: a few bytes of header would decide it. */
static int check_limits(struct cfs_decompress *d, struct cfs_err *err)
{
	const struct cfs_decompress_opts *o = d->opts;
	uint64_t ratio = d->n_out / (d->n_in ? d->n_in : 1);

	if (o->max_len && d->n_out > o->max_len)
		return cfs_fail(err, EFBIG,
				"expected at most %" PRIu64
				" bytes after decompression, got more",
				o->max_len);
	if (d->n_out < CFS_DECOMPRESS_RATIO_FROM)
		return 0;
	if (o->max_ratio && ratio > o->max_ratio)
		return cfs_fail(err, EFBIG,
				"expected a compression ratio of at most %" PRIu64
				", got more",
				o->max_ratio);
	if (o->warn_ratio && ratio > o->warn_ratio && !d->has_warned) {
		d->has_warned = true;
		cfs_watch_warn(o->watch, "the compression ratio exceeds %" PRIu64,
			       o->warn_ratio);
	}
	return 0;
}

/* Runs the format once. */
static int run_format(struct cfs_decompress *d, struct decompress_step *s,
		      struct cfs_err *err)
{
	int rc;

	s->in = d->in;
	rc = d->format->step(d->state, s, err);
	d->n_in += d->in.len - s->in.len;
	d->n_out += s->n_out;
	d->in = s->in;
	return rc < 0 ? cfs_context(err, rc, "%s", d->format->name)
		      : check_limits(d, err);
}

static int check_complete(const struct cfs_decompress *d, struct cfs_err *err)
{
	if (d->format->is_complete(d->state))
		return 0;
	return cfs_fail(err, EINVAL, "%s: the data are truncated", d->format->name);
}

/* A format may use input without making output, and the other way round: goes on until
 * there are bytes for the caller, the end, or an error. 0 only after the format said
 * that it is complete. */
static ssize_t decompress_read(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_decompress *d = ctx;
	struct decompress_step s = {.out = p, .out_len = len};

	if (!d->format)
		return read_plain(d, p, len, err);
	for (;;) {
		size_t before = d->in.len;
		int rc = run_format(d, &s, err);

		if (rc < 0)
			return rc;
		if (s.n_out)
			return (ssize_t)s.n_out;
		if (d->in.len < before)
			continue;
		if (d->at_end)
			return check_complete(d, err);
		rc = read_compressed(d, err);
		if (rc < 0)
			return rc;
	}
}

struct cfs_feed cfs_decompress_get_feed(struct cfs_decompress *d)
{
	return (struct cfs_feed){decompress_read, d};
}
