/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The archive that tar-split describes. */
#include <errno.h>
#include <inttypes.h>

#include "tarsplit/tarsplit.h"

/* Begins the next line: 1, or 0 at the end. */
static int begin_line(struct cfs_tarsplit_archive *a, struct cfs_err *err)
{
	const struct cfs_tarsplit_entry *e;
	int rc = cfs_tarsplit_next(a->lines, &e, err);

	if (rc <= 0)
		return rc;
	a->bytes = e->bytes;
	if (e->size == 0)
		return 1;
	rc = a->contents.begin(a->contents.ctx, e, err);
	a->content_left = e->size;
	a->in_content = true;
	return rc < 0 ? rc : 1;
}

static int end_content(struct cfs_tarsplit_archive *a, struct cfs_err *err)
{
	uint8_t more;
	ssize_t n = a->contents.read(a->contents.ctx, &more, 1, err);

	a->in_content = false;
	if (n > 0)
		return cfs_fail(
			err, EILSEQ,
			"tar-split: expected the end of the content of a file, got more");
	return (int)n;
}

/* The last bytes are returned only after the content turned out to end there: it may be found
 * to be another one at its end. */
static ssize_t read_file_content(struct cfs_tarsplit_archive *a, void *p, size_t len,
				 struct cfs_err *err)
{
	size_t want = len < a->content_left ? len : (size_t)a->content_left;
	ssize_t n = a->contents.read(a->contents.ctx, p, want, err);
	int rc = 0;

	if (n < 0)
		return n;
	if (n == 0)
		return cfs_fail(err, EILSEQ,
				"tar-split: expected %" PRIu64
				" more bytes of the content of a file, got none",
				a->content_left);
	a->content_left -= (uint64_t)n;
	if (a->content_left == 0)
		rc = end_content(a, err);
	return rc < 0 ? rc : n;
}

/* Feed of the rebuilt archive: the stored bytes of tar-split and the contents of files
 * by turns. */
static ssize_t read_rebuilt_archive(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_tarsplit_archive *a = ctx;
	size_t n;

	while (!a->in_content && a->bytes.len == 0) {
		int rc = begin_line(a, err);

		if (rc <= 0)
			return rc;
	}
	if (a->in_content)
		return read_file_content(a, p, len, err);
	n = len < a->bytes.len ? len : a->bytes.len;
	memcpy(p, a->bytes.p, n);
	a->bytes.p += n;
	a->bytes.len -= n;
	return (ssize_t)n;
}

struct cfs_feed cfs_tarsplit_feed(struct cfs_tarsplit_archive *a)
{
	return (struct cfs_feed){read_rebuilt_archive, a};
}
