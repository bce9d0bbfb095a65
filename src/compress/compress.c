/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* gzip (RFC 1952) and zstd (RFC 8878), one member or frame. */
#include "compress/compress.h"

#include <errno.h>
#include <zlib.h>
#include <zstd.h>

enum {
	OUT_LEN = 128 * 1024,
	IN_MAX = 1 << 30, /* zlib counts in 32 bits */
	GZIP_LEVEL = 6,
	GZIP_WINDOW = 15 + 16, /* 16: with the header of gzip */
	GZIP_MEMORY = 8,
	ZSTD_LEVEL = 3,
};

struct cfs_compress {
	struct cfs_sink to;
	enum cfs_compression kind;
	z_stream gzip;
	bool has_gzip;
	ZSTD_CCtx *zstd;
	uint8_t out[OUT_LEN];
};

/* Uses bytes of in and puts n_out bytes into out. 1: nothing is left to be written. */
static int step_gzip(struct cfs_compress *c, struct cfs_span *in, bool at_end,
		     size_t *n_out, struct cfs_err *err)
{
	z_stream *z = &c->gzip;
	size_t len = in->len < IN_MAX ? in->len : IN_MAX;
	int rc;

	z->next_in = (Bytef *)(uintptr_t)in->p;
	z->avail_in = (uInt)len;
	z->next_out = c->out;
	z->avail_out = OUT_LEN;
	rc = deflate(z, at_end ? Z_FINISH : Z_NO_FLUSH);
	if (rc != Z_OK && rc != Z_STREAM_END && rc != Z_BUF_ERROR)
		return cfs_fail(err, EIO, "gzip: %s", z->msg ? z->msg : "failed");
	len -= z->avail_in;
	(void)cfs_span_sub(*in, len, in->len - len, in);
	*n_out = OUT_LEN - z->avail_out;
	return at_end ? rc == Z_STREAM_END : in->len == 0 && z->avail_out > 0;
}

/* Compresses until the output buffer is full or in is used up. Returns 1 at the end, 0
 * if there is more to do. */
static int step_zstd(struct cfs_compress *c, struct cfs_span *in, bool at_end,
		     size_t *n_out, struct cfs_err *err)
{
	ZSTD_inBuffer from = {in->p, in->len, 0};
	ZSTD_outBuffer to = {c->out, OUT_LEN, 0};
	size_t left = ZSTD_compressStream2(c->zstd, &to, &from,
					   at_end ? ZSTD_e_end : ZSTD_e_continue);

	if (ZSTD_isError(left))
		return cfs_fail(err, EIO, "zstd: %s", ZSTD_getErrorName(left));
	(void)cfs_span_sub(*in, from.pos, in->len - from.pos, in);
	*n_out = to.pos;
	return at_end ? left == 0 : in->len == 0;
}

/* Compresses all of in, and writes each full output buffer to the sink. */
static int run_steps(struct cfs_compress *c, struct cfs_span in, bool at_end,
		     struct cfs_err *err)
{
	int rc = 0;

	while (rc == 0) {
		size_t n = 0;

		rc = c->kind == CFS_COMPRESSION_GZIP ? step_gzip(c, &in, at_end, &n, err)
						     : step_zstd(c, &in, at_end, &n, err);
		if (rc >= 0 && n > 0) {
			int written = c->to.write(c->to.ctx, c->out, n, err);

			rc = written < 0 ? written : rc;
		}
	}
	return rc < 0 ? rc : 0;
}

static int write_plain(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct cfs_compress *c = ctx;

	if (c->kind == CFS_COMPRESSION_NONE)
		return c->to.write(c->to.ctx, p, len, err);
	return len == 0 ? 0 : run_steps(c, (struct cfs_span){p, len}, false, err);
}

struct cfs_sink cfs_compress_get_sink(struct cfs_compress *c)
{
	return (struct cfs_sink){write_plain, c};
}

int cfs_compress_finish(struct cfs_compress *c, struct cfs_err *err)
{
	if (c->kind == CFS_COMPRESSION_NONE)
		return 0;
	return run_steps(c, (struct cfs_span){0}, true, err);
}

/* --- opening ------------------------------------------------------------------------ */

static bool begin_gzip(struct cfs_compress *c)
{
	c->has_gzip = deflateInit2(&c->gzip, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW,
				   GZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK;
	return c->has_gzip;
}

static bool begin_zstd(struct cfs_compress *c)
{
	c->zstd = ZSTD_createCCtx();
	return c->zstd &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_compressionLevel,
						    ZSTD_LEVEL)) &&
	       !ZSTD_isError(ZSTD_CCtx_setParameter(c->zstd, ZSTD_c_checksumFlag, 1));
}

int cfs_compress_open(enum cfs_compression kind, struct cfs_sink to,
		      struct cfs_compress **out, struct cfs_err *err)
{
	struct cfs_compress *c = calloc(1, sizeof(*c));

	*out = NULL;
	if (!c)
		return cfs_fail(err, ENOMEM, "out of memory");
	c->to = to;
	c->kind = kind;
	if ((kind == CFS_COMPRESSION_GZIP && !begin_gzip(c)) ||
	    (kind == CFS_COMPRESSION_ZSTD && !begin_zstd(c))) {
		cfs_compress_close(c);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	*out = c;
	return 0;
}

void cfs_compress_close(struct cfs_compress *c)
{
	if (!c)
		return;
	if (c->has_gzip)
		deflateEnd(&c->gzip);
	ZSTD_freeCCtx(c->zstd);
	free(c);
}
