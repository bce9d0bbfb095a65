/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Compression: what comes out is read back by decompress, and depends on the bytes alone. */
#include "compress/compress.h"
#include "t.h"

static struct cfs_err err;

enum { LEN = 300000 };

static void fill(uint8_t *p)
{
	for (size_t i = 0; i < LEN; i++)
		p[i] = (uint8_t)(i * i >> 7);
}

static void compress(enum cfs_compression kind, struct cfs_span in, size_t piece,
		     struct cfs_mem *out)
{
	struct cfs_compress *c;
	struct cfs_sink to;

	*out = (struct cfs_mem){0};
	t_eq(cfs_compress_open(kind, cfs_sink_mem(out), &c, &err), 0);
	to = cfs_compress_get_sink(c);
	while (in.len > 0) {
		size_t n = in.len < piece ? in.len : piece;

		t_eq(to.write(to.ctx, in.p, n, &err), 0);
		in = (struct cfs_span){in.p + n, in.len - n};
	}
	t_eq(cfs_compress_finish(c, &err), 0);
	cfs_compress_close(c);
}

static void expect_plain(const struct cfs_mem *from, enum cfs_compression kind,
			 struct cfs_span plain)
{
	struct cfs_feed_mem mem = {.rest = {from->p, from->len}};
	struct cfs_decompress_opts opts = {0};
	struct cfs_decompress *d;
	struct cfs_feed feed;
	uint8_t *got = malloc(plain.len + 1);
	size_t len = 0;
	ssize_t n;

	t_ok(got);
	t_eq(cfs_decompress_open(cfs_feed_mem(&mem), &opts, &d, &err), 0);
	t_eq(cfs_decompress_get_kind(d), kind);
	feed = cfs_decompress_get_feed(d);
	while (len <= plain.len &&
	       (n = feed.read(feed.ctx, got + len, plain.len + 1 - len, &err)) > 0)
		len += (size_t)n;
	t_eq(n, 0);
	t_eq(len, plain.len);
	t_mem(got, plain.p, len);
	cfs_decompress_close(d);
	free(got);
}

T(compress_is_read_back_and_does_not_depend_on_pieces)
{
	static uint8_t plain[LEN];
	static const size_t lens[] = {0, 1, 512, LEN};
	struct cfs_mem one, many;

	fill(plain);
	for (int kind = CFS_COMPRESSION_NONE; kind <= CFS_COMPRESSION_ZSTD; kind++)
		for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			struct cfs_span in = {plain, lens[i]};

			compress(kind, in, LEN, &one);
			compress(kind, in, 999, &many);
			t_eq(one.len, many.len);
			if (one.len)
				t_mem(one.p, many.p, one.len);
			if (kind != CFS_COMPRESSION_NONE)
				expect_plain(&one, kind, in);
			free(one.p);
			free(many.p);
		}
}

T(compress_gzip_has_no_time_and_no_name)
{
	struct cfs_mem out;

	compress(CFS_COMPRESSION_GZIP, (struct cfs_span){(const uint8_t *)"a", 1}, 1,
		 &out);
	t_mem(out.p, "\x1f\x8b\x08\0\0\0\0\0", 8);
	free(out.p);
}

static int refuse_bytes(void *ctx, const void *p, size_t len, struct cfs_err *why)
{
	(void)ctx;
	(void)p;
	(void)len;
	return cfs_fail(why, ENOSPC, "full");
}

T(compress_passes_the_failure_of_its_sink_on)
{
	for (int kind = CFS_COMPRESSION_GZIP; kind <= CFS_COMPRESSION_ZSTD; kind++) {
		struct cfs_compress *c;
		struct cfs_sink to = {refuse_bytes, NULL};

		t_eq(cfs_compress_open(kind, to, &c, &err), 0);
		to = cfs_compress_get_sink(c);
		(void)!to.write(to.ctx, "a", 1, &err);
		t_eq(cfs_compress_finish(c, &err), -ENOSPC);
		cfs_compress_close(c);
	}
}
