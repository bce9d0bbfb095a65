/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tar-split: whatever the lines, they end with a result or a sentence, also in small pieces, and
 * the archive has as many bytes as they say. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "tarsplit/tarsplit.h"

enum { CONTENT_MAX = 1 << 20 };

static uint64_t content_left;

static int begin_content(void *ctx, const struct cfs_tarsplit_entry *file,
			 struct cfs_err *err)
{
	(void)ctx;
	fuzz_hold(file->kind == CFS_TARSPLIT_FILE && file->size > 0);
	fuzz_hold(!file->name.len || !memchr(file->name.s, '\0', file->name.len));
	content_left = file->size;
	return file->size > CONTENT_MAX ? cfs_fail(err, EFBIG, "too long") : 0;
}

static ssize_t read_input_content(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	size_t n = len < content_left ? len : (size_t)content_left;

	(void)ctx, (void)err;
	memset(p, 'x', n);
	content_left -= n;
	return (ssize_t)n;
}

/* The sum of what the lines say, or -errno. */
static int64_t count_archive_bytes(struct cfs_span in, size_t piece)
{
	struct cfs_feed_mem from = {in, piece};
	const struct cfs_tarsplit_entry *e;
	struct cfs_err err = {""};
	struct cfs_tarsplit *t;
	int64_t sum = 0;
	int rc = cfs_tarsplit_open(cfs_feed_mem(&from), &t, &err);

	fuzz_hold(rc == 0);
	while ((rc = cfs_tarsplit_next(t, &e, &err)) > 0 && sum >= 0) {
		fuzz_hold(e->kind == CFS_TARSPLIT_FILE ? !e->bytes.len : !e->size);
		sum += (int64_t)e->bytes.len;
		sum = e->size > CONTENT_MAX ? -EFBIG : sum + (int64_t)e->size;
	}
	cfs_tarsplit_close(t);
	fuzz_hold(rc >= 0 || ((rc == -EINVAL || rc == -EFBIG) && *err.msg));
	return rc < 0 && sum >= 0 ? rc : sum;
}

static int64_t read_input_archive(struct cfs_span in)
{
	struct cfs_feed_mem from = {in, 0};
	struct cfs_tarsplit_archive a = {
		.contents = {begin_content, read_input_content, NULL}};
	struct cfs_feed feed = cfs_tarsplit_feed(&a);
	static uint8_t buf[1000];
	struct cfs_err err = {""};
	int64_t sum = 0;
	ssize_t n;

	fuzz_hold(cfs_tarsplit_open(cfs_feed_mem(&from), &a.lines, &err) == 0);
	while ((n = feed.read(feed.ctx, buf, sizeof(buf), &err)) > 0)
		sum += n;
	cfs_tarsplit_close(a.lines);
	return n < 0 ? n : sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_span in = {data, len};
	int64_t sum = count_archive_bytes(in, 0);

	fuzz_hold(sum == count_archive_bytes(in, 7));
	fuzz_hold(sum == read_input_archive(in));
	return 0;
}
