/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The buffer between the feed and the parser. */
#include <errno.h>
#include <inttypes.h>

#include "tar/tar_priv.h"

enum { BUF_LEN = 128 * 1024 };

int tar_fail_truncated(uint64_t missing, const char *what, struct cfs_err *err)
{
	return cfs_fail(err, EINVAL,
			"the archive is truncated: expected %" PRIu64 " more bytes of %s",
			missing, what);
}

/* Reads once into the free end of the buffer. */
static int read_tar_input(struct cfs_tar *t, struct cfs_err *err)
{
	ssize_t n = cfs_watch_poll(t->opts->watch, err);

	if (n == 0)
		n = t->feed.read(t->feed.ctx, t->buf + t->len, BUF_LEN - t->len, err);
	if (n < 0)
		return (int)n;
	t->at_end = n == 0;
	t->len += (size_t)n;
	return 0;
}

static int allocate_buffer(struct cfs_tar *t, struct cfs_err *err)
{
	if (!t->buf)
		t->buf = cfs_page_alloc(BUF_LEN);
	return t->buf ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

ssize_t tar_fill(struct cfs_tar *t, size_t want, struct cfs_err *err)
{
	int rc = allocate_buffer(t, err);

	if (rc == 0 && t->len - t->pos < want) {
		memmove(t->buf, t->buf + t->pos, t->len - t->pos);
		t->len -= t->pos;
		t->pos = 0;
	}
	while (rc == 0 && !t->at_end && t->len - t->pos < want)
		rc = read_tar_input(t, err);
	if (rc < 0)
		return rc;
	return (ssize_t)(t->len - t->pos < want ? t->len - t->pos : want);
}

static void advance_buffer(struct cfs_tar *t, size_t len)
{
	t->pos += len;
	t->off += len;
}

int tar_use_raw(struct cfs_tar *t, enum cfs_tar_raw kind, size_t len, struct cfs_err *err)
{
	struct cfs_span bytes = {t->buf + t->pos, len};

	advance_buffer(t, len);
	if (!t->opts->raw || len == 0)
		return 0;
	return t->opts->raw(t->opts->raw_ctx, kind, bytes, err);
}

int tar_take(struct cfs_tar *t, uint64_t max, struct cfs_span *out, struct cfs_err *err)
{
	ssize_t n = tar_fill(t, 1, err);

	if (n < 0)
		return (int)n;
	*out = (struct cfs_span){t->buf + t->pos, t->len - t->pos};
	if (out->len > max)
		out->len = (size_t)max;
	advance_buffer(t, out->len);
	return 0;
}

int tar_peek_block(struct cfs_tar *t, const uint8_t **out, struct cfs_err *err)
{
	ssize_t n = tar_fill(t, CFS_TAR_BLOCK, err);

	if (n <= 0)
		return (int)n;
	if (n < CFS_TAR_BLOCK)
		return tar_fail_truncated((uint64_t)(CFS_TAR_BLOCK - n), "a header", err);
	*out = t->buf + t->pos;
	return 1;
}

int tar_take_block(struct cfs_tar *t, const uint8_t **out, struct cfs_err *err)
{
	int rc = tar_peek_block(t, out, err);

	if (rc == 0)
		return tar_fail_truncated(CFS_TAR_BLOCK, "a header", err);
	return rc < 0 ? rc : tar_use_raw(t, CFS_TAR_RAW_HEADER, CFS_TAR_BLOCK, err);
}
