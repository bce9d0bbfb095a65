/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sinks, and output buffers in front of them. */
#include "base/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/io.h"
#include "base/mem.h"

static int fd_write(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	return cfs_io_write(*(const int *)ctx, p, len, err);
}

struct cfs_sink cfs_sink_fd(const int *fd)
{
	return (struct cfs_sink){fd_write, (void *)(uintptr_t)fd};
}

static int watched_write(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	const struct cfs_watched_fd *to = ctx;

	return cfs_io_write_watched(to->fd, p, len, to->watch, err);
}

struct cfs_sink cfs_sink_watched_fd(const struct cfs_watched_fd *to)
{
	return (struct cfs_sink){watched_write, (void *)(uintptr_t)to};
}

static int mem_write(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct cfs_mem *m = ctx;

	if (len > SIZE_MAX - m->len || cfs_grow(&m->p, &m->cap, m->len + len, 1) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (len)
		memcpy(m->p + m->len, p, len);
	m->len += len;
	return 0;
}

struct cfs_sink cfs_sink_mem(struct cfs_mem *mem)
{
	return (struct cfs_sink){mem_write, mem};
}

static int tee_write(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	struct cfs_tee *t = ctx;
	int rc = t->a.write(t->a.ctx, p, len, err);

	return rc < 0 ? rc : t->b.write(t->b.ctx, p, len, err);
}

struct cfs_sink cfs_sink_tee(struct cfs_tee *tee)
{
	return (struct cfs_sink){tee_write, tee};
}

int cfs_out_init(struct cfs_out *out, struct cfs_sink sink, size_t cap)
{
	*out = (struct cfs_out){.sink = sink, .buf = malloc(cap), .cap = cap};
	return out->buf ? 0 : -ENOMEM;
}

void cfs_out_fini(struct cfs_out *out)
{
	free(out->buf);
	out->buf = NULL;
	out->cap = out->len = 0;
}

static void write_to_sink(struct cfs_out *out, const void *p, size_t len)
{
	if (out->rc == 0 && len)
		out->rc = out->sink.write(out->sink.ctx, p, len, &out->err);
}

int cfs_out_flush(struct cfs_out *out, struct cfs_err *err)
{
	write_to_sink(out, out->buf, out->len);
	out->len = 0;
	if (out->rc < 0 && err)
		*err = out->err;
	return out->rc;
}

/* What the inline part does not do: a full buffer goes to the sink, and a piece as large
 * as the buffer goes there without a copy. */
void cfs_out_put_slow(struct cfs_out *out, const void *p, size_t len)
{
	const uint8_t *from = p;

	out->total += len;
	while (len) {
		size_t n = out->cap - out->len;

		if (out->len == 0 && len >= out->cap) {
			write_to_sink(out, from, len);
			return;
		}
		if (n > len)
			n = len;
		memcpy(out->buf + out->len, from, n);
		out->len += n;
		from += n;
		len -= n;
		if (out->len == out->cap) {
			write_to_sink(out, out->buf, out->len);
			out->len = 0;
		}
	}
}

/* Flushes up to a multiple of 4096 if that makes enough room, so that files are written
 * in whole pages and digested in whole blocks. */
void cfs_out_room_slow(struct cfs_out *out, size_t len)
{
	size_t rest = out->len % 4096;

	if (rest + len > out->cap)
		rest = 0;
	write_to_sink(out, out->buf, out->len - rest);
	memmove(out->buf, out->buf + out->len - rest, rest);
	out->len = rest;
}

void cfs_out_put_zeros(struct cfs_out *out, uint64_t len)
{
	static const uint8_t zeros[4096];

	for (; len > sizeof(zeros); len -= sizeof(zeros))
		cfs_out_put(out, zeros, sizeof(zeros));
	cfs_out_put(out, zeros, (size_t)len);
}

/* Short texts are formatted on the stack. Like every cfs_out function it keeps the first
 * error in out, and later calls do nothing. */
void cfs_out_printf(struct cfs_out *out, const char *fmt, ...)
{
	char small[256];
	char *text = small;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	if (n >= (int)sizeof(small)) {
		va_start(ap, fmt);
		n = vasprintf(&text, fmt, ap);
		va_end(ap);
	}
	if (n < 0) {
		if (out->rc == 0)
			out->rc = cfs_fail(&out->err, ENOMEM, "out of memory");
		return;
	}
	cfs_out_put(out, text, (size_t)n);
	if (text != small)
		free(text);
}
