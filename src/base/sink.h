/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sinks: destinations of bytes (a file, memory, a digest), and output buffers. */
#ifndef CFS_BASE_SINK_H
#define CFS_BASE_SINK_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "base/watch.h"

/* Writes all len bytes or fails. Calls come in order, without gaps. */
struct cfs_sink {
	int (*write)(void *ctx, const void *p, size_t len, struct cfs_err *err);
	void *ctx;
};

/* A sink that writes to *fd. The caller keeps and closes the descriptor. */
struct cfs_sink cfs_sink_fd(const int *fd);

/* The same, but a write returns -ECANCELED if watch (may be NULL) is cancelled. */
struct cfs_watched_fd {
	int fd;
	const struct cfs_watch *watch;
};

/* The sink of to, which it borrows. */
struct cfs_sink cfs_sink_watched_fd(const struct cfs_watched_fd *to);

/* A sink that appends to memory. Starts zeroed; the caller frees p. */
struct cfs_mem {
	uint8_t *p;
	size_t len, cap;
};

/* The sink of mem, which it borrows. A write fails with -ENOMEM only. */
struct cfs_sink cfs_sink_mem(struct cfs_mem *mem);

/* All bytes, borrowed until the next write. */
static inline struct cfs_span cfs_mem_span(const struct cfs_mem *mem)
{
	return (struct cfs_span){mem->p, mem->len};
}

static inline struct cfs_text cfs_mem_text(const struct cfs_mem *mem)
{
	return cfs_span_text(cfs_mem_span(mem));
}

/* A sink that writes to a, then to b. */
struct cfs_tee {
	struct cfs_sink a, b;
};

/* The sink of tee, which it borrows. Fails as the first of the two sinks that fails. */
struct cfs_sink cfs_sink_tee(struct cfs_tee *tee);

/* A buffer in front of a sink, so that it gets large pieces. The first error is kept:
 * later puts do nothing, and cfs_out_flush returns it. */
struct cfs_out {
	struct cfs_sink sink;
	uint8_t *buf;
	size_t len, cap;
	uint64_t total; /* bytes put so far */
	int rc;
	struct cfs_err err;
};

/* Allocates a buffer of cap bytes, for example 256 KiB. cfs_out_fini frees it and drops
 * bytes that were not flushed. */
int cfs_out_init(struct cfs_out *out, struct cfs_sink sink, size_t cap) CFS_MUST_CHECK;
void cfs_out_fini(struct cfs_out *out);
int cfs_out_flush(struct cfs_out *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The slow paths of cfs_out_put and cfs_out_room: flush. */
void cfs_out_put_slow(struct cfs_out *out, const void *p, size_t len);
void cfs_out_room_slow(struct cfs_out *out, size_t len);
void cfs_out_put_zeros(struct cfs_out *out, uint64_t len);
void cfs_out_printf(struct cfs_out *out, const char *fmt, ...) CFS_PRINTF(2, 3);

static inline void cfs_out_put(struct cfs_out *out, const void *p, size_t len)
{
	if (len > out->cap - out->len) {
		cfs_out_put_slow(out, p, len);
		return;
	}
	if (len)
		memcpy(out->buf + out->len, p, len);
	out->len += len;
	out->total += len;
}

/* Returns len bytes of the buffer (at most cap), to be filled in place. They count as
 * put; the caller sets all of them before the next call. */
static inline uint8_t *cfs_out_room(struct cfs_out *out, size_t len)
{
	uint8_t *room;

	if (len > out->cap - out->len)
		cfs_out_room_slow(out, len);
	room = out->buf + out->len;
	out->len += len;
	out->total += len;
	return room;
}

static inline void cfs_out_char(struct cfs_out *out, char c)
{
	cfs_out_put(out, &c, 1);
}

static inline void cfs_out_text(struct cfs_out *out, struct cfs_text t)
{
	cfs_out_put(out, t.s, t.len);
}

#endif
