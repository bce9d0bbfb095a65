/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Feeds: of a descriptor and of memory; reading a feed. */
#include "base/feed.h"

#include "base/io.h"

ssize_t cfs_feed_read(const struct cfs_feed *from, void *p, size_t len,
		      struct cfs_err *err)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = from->read(from->ctx, (char *)p + done, len - done, err);

		if (n < 0)
			return n;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

static ssize_t read_watched_fd(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	const struct cfs_watched_fd *from = ctx;

	return cfs_io_read_watched(from->fd, p, len, from->watch, err);
}

struct cfs_feed cfs_feed_watched_fd(const struct cfs_watched_fd *from)
{
	return (struct cfs_feed){read_watched_fd, (void *)(uintptr_t)from};
}

/* A source in memory, for tests also in pieces of a given length. */
static ssize_t read_mem(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_feed_mem *from = ctx;

	(void)err;
	if (from->piece && len > from->piece)
		len = from->piece;
	if (len > from->rest.len)
		len = from->rest.len;
	if (len == 0)
		return 0;
	memcpy(p, from->rest.p, len);
	from->rest.p += len;
	from->rest.len -= len;
	return (ssize_t)len;
}

struct cfs_feed cfs_feed_mem(struct cfs_feed_mem *from)
{
	return (struct cfs_feed){read_mem, from};
}
