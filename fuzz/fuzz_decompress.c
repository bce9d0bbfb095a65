/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The decompressors: whatever the bytes, they end with the end, a sentence or at the limit, and give the same output for
 * each way to cut the input. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "decompress/decompress.h"

enum { OUT_MAX = 1 << 20 };

/* Decompresses in pieces of the given sizes. Returns 0 or the error, which must be one
 * of the few that the header names. */
static int decompress_input(struct cfs_span in, size_t piece, size_t out_piece,
			    struct cfs_mem *out)
{
	struct cfs_decompress_opts opts = {.max_len = OUT_MAX};
	struct cfs_feed_mem from = {in, piece};
	struct cfs_err err = {""};
	struct cfs_decompress *d;
	struct cfs_feed feed;
	static uint8_t buf[65536];
	ssize_t n = cfs_decompress_open(cfs_feed_mem(&from), &opts, &d, &err);

	if (n == 0) {
		feed = cfs_decompress_get_feed(d);
		while ((n = feed.read(feed.ctx, buf, out_piece, &err)) > 0) {
			struct cfs_sink sink = cfs_sink_mem(out);

			fuzz_hold((size_t)n <= out_piece);
			fuzz_hold(sink.write(sink.ctx, buf, (size_t)n, NULL) == 0);
		}
		fuzz_hold(cfs_decompress_get_kind(d) != CFS_COMPRESSION_NONE || n == 0);
		cfs_decompress_close(d);
	}
	fuzz_hold(n == 0 || n == -EINVAL || n == -EFBIG || n == -ENOTSUP || n == -ENOMEM);
	fuzz_hold(n == 0 || err.msg[0]);
	return (int)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_span in = {data, len};
	struct cfs_mem a = {0}, b = {0};
	int rc = decompress_input(in, 0, 65536, &a),
	    cut = decompress_input(in, 13, 611, &b);

	if (rc == 0 && cut == 0) {
		fuzz_hold(a.len == b.len);
		fuzz_hold(a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
	}
	fuzz_hold((rc == 0) == (cut == 0));
	free(a.p);
	free(b.p);
	return 0;
}
