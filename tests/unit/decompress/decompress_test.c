/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* decompress: the plain bytes whatever the pieces, and damaged, truncated or oversized data refused. */
#include <zlib.h>
#include <zstd.h>

#include "decompress/decompress.h"
#include "golden.h"
#include "t.h"

static struct cfs_err err;
static struct cfs_mem in, out;

static void put(const void *p, size_t len)
{
	struct cfs_sink sink = cfs_sink_mem(&in);

	t_eq(sink.write(sink.ctx, p, len, NULL), 0);
}

/* Appends a gzip member with this header (NULL: none in particular). */
static void put_member(gz_header *header, const void *p, size_t len, int level)
{
	size_t cap = len + 1024;
	uint8_t *buf = malloc(cap);
	z_stream z = {0};

	t_ok(buf);
	t_eq(deflateInit2(&z, level, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	if (header)
		t_eq(deflateSetHeader(&z, header), Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)p;
	z.avail_in = (unsigned)len;
	z.next_out = buf;
	z.avail_out = (unsigned)cap;
	t_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	put(buf, cap - z.avail_out);
	deflateEnd(&z);
	free(buf);
}

static void put_frame(const void *p, size_t len)
{
	size_t cap = ZSTD_compressBound(len);
	uint8_t *buf = malloc(cap);

	t_ok(buf);
	cap = ZSTD_compress(buf, cap, p, len, 3);
	t_ok(!ZSTD_isError(cap));
	put(buf, cap);
	free(buf);
}

/* Decompresses in; the output goes to out. Returns 0 or the error. */
static int run_with(const struct cfs_decompress_opts *opts, size_t in_piece,
		    size_t out_piece)
{
	struct cfs_feed_mem from = {{in.p, in.len}, in_piece};
	struct cfs_decompress *d;
	struct cfs_feed feed;
	uint8_t buf[65536];
	ssize_t n = cfs_decompress_open(cfs_feed_mem(&from), opts, &d, &err);

	out.len = 0;
	if (n < 0)
		return (int)n;
	feed = cfs_decompress_get_feed(d);
	while ((n = feed.read(feed.ctx, buf, out_piece, &err)) > 0) {
		struct cfs_sink sink = cfs_sink_mem(&out);

		t_ok((size_t)n <= out_piece);
		t_eq(sink.write(sink.ctx, buf, (size_t)n, NULL), 0);
	}
	cfs_decompress_close(d);
	return (int)n;
}

static int run(void)
{
	return run_with(NULL, 0, 65536);
}

static void expect_out(const void *p, size_t len)
{
	static const size_t pieces[] = {0, 1, 7, 100};

	for (size_t i = 0; i < 4; i++)
		for (size_t k = 1; k < 4; k++) {
			int rc = run_with(NULL, pieces[i], pieces[k]);

			if (rc < 0)
				t_fail(__FILE__, __LINE__, "pieces of %zu and %zu: %s",
				       pieces[i], pieces[k], err.msg);
			t_eq(out.len, len);
			if (len)
				t_mem(out.p, p, len);
		}
}

static void expect_failure(int rc, const char *msg)
{
	t_eq(run(), rc);
	t_has(err.msg, msg);
}

/* Text that compresses, and differs everywhere. */
static const uint8_t *make_text(size_t len)
{
	static uint8_t text[1 << 20];

	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)(i % 251 < 100 ? 'a' + i % 7 : i * i >> 8);
	return text;
}

/* --- formats -------------------------------------------------------------------------------- */

T(decompress_gives_the_layer_of_each_golden_file)
{
	static const char *const names[] = {
		"compression/layer.tar", "compression/layer.tar.gz",
		"compression/layer.multi.tar.gz", "compression/layer.tar.zst",
		"compression/layer.frames.tar.zst"};
	size_t len;
	uint8_t *plain = t_golden(names[0], &len);

	for (size_t i = 0; i < 5; i++) {
		size_t n;
		uint8_t *p = t_golden(names[i], &n);

		in.len = 0;
		put(p, n);
		expect_out(plain, len);
		free(p);
	}
	free(plain);
}

T(decompress_passes_plain_bytes)
{
	static const char *const plain[] = {"",	    "a",    "123456789", "hello, world",
					    "\x1f", "BZh9x"};

	for (size_t i = 0; i < 6; i++) {
		in.len = 0;
		put(plain[i], strlen(plain[i]));
		expect_out(plain[i], strlen(plain[i]));
	}
}

T(decompress_names_formats_that_it_does_not_know)
{
	in.len = 0;
	put("\xfd"
	    "7zXZ\0....",
	    10);
	expect_failure(-ENOTSUP, "compression by xz is not supported");
	in.len = 0;
	put("BZh91AY&SY..", 12);
	expect_failure(-ENOTSUP, "compression by bzip2 is not supported");
}

/* --- gzip ----------------------------------------------------------------------------------- */

T(gzip_reads_thousands_of_members)
{
	const uint8_t *text = make_text(40000);

	in.len = 0;
	for (size_t i = 0; i < 2000; i++)
		put_member(NULL, text + 20 * i, 20, i % 10 ? 6 : 0);
	expect_out(text, 40000);
}

T(gzip_reads_headers_with_every_field)
{
	uint8_t extra[300] = {0}, name[] = "name", comment[] = "comment";
	gz_header h = {.extra = extra,
		       .extra_len = sizeof(extra),
		       .name = name,
		       .comment = comment,
		       .hcrc = 1};
	const uint8_t *text = make_text(3000);

	in.len = 0;
	put_member(&h, text, 1000, 6);
	h.extra_len = 0;
	put_member(&h, text + 1000, 1000, 6);
	h.extra = NULL;
	h.name = NULL;
	put_member(&h, text + 2000, 1000, 6);
	expect_out(text, 3000);
}

T(gzip_tolerates_zeros_behind_the_last_member_and_nothing_else)
{
	static const uint8_t zeros[1000];
	const uint8_t *text = make_text(100);

	in.len = 0;
	put_member(NULL, text, 100, 6);
	put(zeros, 1000);
	expect_out(text, 100);
	put("x", 1);
	expect_failure(-EINVAL, "gzip: expected zeros or the end behind the last member");
	in.len = 0;
	put_member(NULL, text, 100, 6);
	put("xyz", 3);
	expect_failure(-EINVAL,
		       "gzip: expected another member or the end after a member");
	in.len = 0;
	put_member(NULL, text, 100, 6);
	put("\x1f\x8b\x07", 3);
	expect_failure(-EINVAL, "expected compression method 8");
}

T(gzip_refuses_reserved_flags_and_endless_headers)
{
	static uint8_t name[2 << 20];

	in.len = 0;
	put("\x1f\x8b\x08\x20\0\0\0\0\0\0", 10);
	expect_failure(-EINVAL, "reserved flags are set");
	in.len = 0;
	put("\x1f\x8b\x08\x08\0\0\0\0\0\0", 10);
	memset(name, 'n', sizeof(name));
	put(name, sizeof(name));
	expect_failure(-EFBIG, "expected a header of at most 1048576 bytes");
}

T(gzip_checks_sum_and_length)
{
	const uint8_t *text = make_text(5000);

	for (size_t i = 1; i <= 8; i++) {
		in.len = 0;
		put_member(NULL, text, 5000, 6);
		in.p[in.len - i] ^= 1;
		expect_failure(-EINVAL, "gzip: the data are damaged");
	}
}

/* Data that end within a member or frame never pass for whole ones. */
static void check_truncation(size_t boundary)
{
	size_t len = in.len;

	for (in.len = 1; in.len < len; in.len++) {
		int rc = run();

		if (in.len == boundary || in.len == 1)
			continue; /* whole; one byte is plain */
		if (in.len < 4 && rc == 0 && out.len == in.len)
			continue; /* less than the magic of zstd */
		if (rc != -EINVAL)
			t_fail(__FILE__, __LINE__,
			       "%zu of %zu bytes: expected a failure, got %d", in.len,
			       len, rc);
		t_has(err.msg, "truncated");
	}
}

T(gzip_notices_every_truncation)
{
	const uint8_t *text = make_text(3000);
	size_t boundary;

	in.len = 0;
	put_member(NULL, text, 2000, 6);
	boundary = in.len;
	put_member(NULL, text + 2000, 1000, 0);
	check_truncation(boundary);
}

/* Damage is refused, or is where it does not matter: the time in the header, bits that pad the data. */
T(gzip_never_gives_other_bytes_for_damaged_data)
{
	const uint8_t *text = make_text(600);

	in.len = 0;
	put_member(NULL, text, 600, 6);
	for (size_t i = 2; i < in.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			in.p[i] ^= (uint8_t)(1 << bit);
			if (run() == 0) {
				t_eq(out.len, 600);
				t_mem(out.p, text, 600);
			}
			in.p[i] ^= (uint8_t)(1 << bit);
		}
}

/* --- zstd ----------------------------------------------------------------------------------- */

T(zstd_reads_frames_and_skips_others)
{
	const uint8_t *text = make_text(300000);

	in.len = 0;
	put("\x5f\x2a\x4d\x18\4\0\0\0skip", 12);
	put_frame(text, 200000);
	put("\x50\x2a\x4d\x18\0\0\0\0", 8);
	put_frame(text, 0);
	put_frame(text + 200000, 100000);
	expect_out(text, 300000);
}

T(zstd_notices_every_truncation)
{
	const uint8_t *text = make_text(3000);
	size_t boundary;

	in.len = 0;
	put_frame(text, 2000);
	boundary = in.len;
	put_frame(text + 2000, 1000);
	check_truncation(boundary);
}

T(zstd_refuses_data_behind_the_last_frame_and_large_windows)
{
	const uint8_t *text = make_text(100);

	in.len = 0;
	put_frame(text, 100);
	put("xyzw", 4);
	expect_failure(-EINVAL, "zstd: the data are damaged");
	in.len = 0;
	put("\x28\xb5\x2f\xfd\0\x90\1\0\0", 9); /* a window of 256 MiB */
	expect_failure(-EINVAL, "zstd: the data are damaged");
	in.len = 0;
	put("\x28\xb5\x2f\xfd\0\x88\1\0\0", 9); /* 128 MiB */
	t_eq(run(), 0);
}

/* --- limits --------------------------------------------------------------------------------- */

static int n_warnings;

static void see_warning(void *ctx, const char *msg)
{
	(void)ctx;
	t_has(msg, "the compression ratio exceeds 100");
	n_warnings++;
}

static void check_limits(void)
{
	struct cfs_watch watch = {.warning = see_warning};
	struct cfs_decompress_opts opts = {.watch = &watch, .max_len = (8 << 20) - 1};

	t_eq(run_with(&opts, 0, 65536), -EFBIG);
	t_has(err.msg, "expected at most 8388607 bytes after decompression");
	opts.max_len++;
	t_eq(run_with(&opts, 0, 65536), 0);
	t_eq(out.len, 8 << 20);
	opts.max_ratio = 100;
	t_eq(run_with(&opts, 0, 65536), -EFBIG);
	t_has(err.msg, "expected a compression ratio of at most 100");
	opts.max_ratio = 1000000;
	opts.warn_ratio = 100;
	n_warnings = 0;
	t_eq(run_with(&opts, 0, 65536), 0);
	t_eq(n_warnings, 1);
}

T(decompress_obeys_the_limits_of_the_caller)
{
	uint8_t *zeros = calloc(1, 8 << 20);

	in.len = 0;
	put_member(NULL, zeros, 8 << 20, 9);
	check_limits();
	in.len = 0;
	put_frame(zeros, 8 << 20);
	check_limits();
	free(zeros);
}
