/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Feeds: where bytes come from (a file, memory, a decompressor). The counterpart of a sink. */
#ifndef CFS_BASE_FEED_H
#define CFS_BASE_FEED_H

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sink.h"
#include "base/span.h"

struct cfs_feed {
	/* Stores up to len bytes, len > 0, at p. Returns their number, 0 at the end, or -errno. Not called again after
	 * the end or an error. */
	ssize_t (*read)(void *ctx, void *p, size_t len, struct cfs_err *err);
	void *ctx;
};

/* Reads until len bytes are at p or the feed ends. Returns their number: fewer than len only at the end. */
ssize_t cfs_feed_read(const struct cfs_feed *from, void *p, size_t len,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* The descriptor from its own offset on; -ECANCELED when the watch is cancelled. from is borrowed. */
struct cfs_feed cfs_feed_watched_fd(const struct cfs_watched_fd *from);

/* Bytes in memory, at most piece of them for each read. */
struct cfs_feed_mem {
	struct cfs_span rest;
	size_t piece; /* 0: no limit */
};

/* A feed of the bytes of from, which it borrows. Never fails. */
struct cfs_feed cfs_feed_mem(struct cfs_feed_mem *from);

#endif
