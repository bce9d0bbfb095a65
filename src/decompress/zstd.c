/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* zstd (RFC 8878): any number of frames. */
#include <errno.h>
#include <zstd.h>

#include "decompress/decompress_priv.h"

enum { WINDOW_LOG_MAX = 27 };

struct zstd {
	ZSTD_DCtx *ctx;
	bool in_frame;	   /* a frame has begun and is not complete */
	bool output_waits; /* the last call filled the output */
};

/* Makes the state of a decompression, with a limited window: a frame may ask for
 * gigabytes of memory. */
static int zstd_begin(void **state, struct cfs_err *err)
{
	struct zstd *z = calloc(1, sizeof(*z));

	if (z)
		z->ctx = ZSTD_createDCtx();
	if (!z || !z->ctx ||
	    ZSTD_isError(ZSTD_DCtx_setParameter(z->ctx, ZSTD_d_windowLogMax,
						WINDOW_LOG_MAX))) {
		if (z)
			ZSTD_freeDCtx(z->ctx);
		free(z);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	*state = z;
	return 0;
}

static void zstd_end(void *state)
{
	struct zstd *z = state;

	ZSTD_freeDCtx(z->ctx);
	free(z);
}

static bool zstd_is_complete(const void *state)
{
	return !((const struct zstd *)state)->in_frame;
}

/* Without input the library would announce the next frame: it is called only when there is something to do. */
static int zstd_step(void *state, struct decompress_step *s, struct cfs_err *err)
{
	struct zstd *z = state;
	ZSTD_inBuffer in = {s->in.p, s->in.len, 0};
	ZSTD_outBuffer out = {s->out, s->out_len, s->n_out};
	size_t rc;

	if (s->in.len == 0 && !z->output_waits)
		return 0;
	rc = ZSTD_decompressStream(z->ctx, &out, &in);
	if (ZSTD_isError(rc))
		return cfs_fail(err, EINVAL, "the data are damaged: %s",
				ZSTD_getErrorName(rc));
	decompress_use(s, in.pos);
	s->n_out = out.pos;
	z->in_frame = rc != 0;
	z->output_waits = out.pos == out.size && z->in_frame;
	return 0;
}

const struct decompress_format decompress_zstd = {"zstd", zstd_begin, zstd_step,
						  zstd_is_complete, zstd_end};
