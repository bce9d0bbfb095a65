/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading the log. /dev/kmsg returns one record for each read(2), files have a line for
 * each. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "damage/damage.h"

enum { BUF_LEN = 2 * CFS_DAMAGE_RECORD_MAX };

int cfs_damage_log_open(const char *path, bool follow, struct cfs_damage_log *out,
			struct cfs_err *err)
{
	const char *name = path ? path : "/dev/kmsg";

	*out = (struct cfs_damage_log){.fd = -1};
	out->buf = malloc(BUF_LEN);
	if (!out->buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | (path ? 0 : O_NONBLOCK));
	if (out->fd < 0)
		return cfs_fail_errno(err, "%s", name);
	if (follow && !path && lseek(out->fd, 0, SEEK_END) < 0)
		return cfs_fail_errno(err, "%s", name);
	if (follow && path && fcntl(out->fd, F_SETFL, O_NONBLOCK) < 0)
		return cfs_fail_errno(err, "%s", name);
	return 0;
}

void cfs_damage_log_close(struct cfs_damage_log *log)
{
	if (log->fd >= 0)
		close(log->fd);
	free(log->buf);
	*log = (struct cfs_damage_log){.fd = -1};
}

/* 1: there is more in the buffer; 0: there is nothing to read at the moment. EPIPE: records
 * were overwritten before they were read. */
static int read_more_records(struct cfs_damage_log *log, struct cfs_err *err)
{
	ssize_t n;

	do
		n = read(log->fd, log->buf + log->len, BUF_LEN - log->len);
	while (n < 0 && errno == EPIPE);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR
			       ? 0
			       : cfs_fail_errno(err, "kernel log");
	log->len += (size_t)n;
	log->ended = n == 0;
	return n > 0;
}

static void drop_front(struct cfs_damage_log *log, size_t len)
{
	log->len -= len;
	memmove(log->buf, log->buf + len, log->len);
}

/* Parses the first line and removes it. A line without an end is too long if no further
 * record would fit behind it. */
static bool take_log_record(struct cfs_damage_log *log, bool *was_line,
			    struct cfs_damage *out)
{
	char *end = memchr(log->buf, '\n', log->len);
	size_t len = end ? (size_t)(end - log->buf) : log->len;
	bool found;

	*was_line = end || log->len > BUF_LEN - CFS_DAMAGE_RECORD_MAX;
	if (!*was_line)
		return false;
	found = !log->skips && cfs_damage_parse((struct cfs_text){log->buf, len}, out);
	log->skips = !end;
	drop_front(log, end ? len + 1 : len);
	return found;
}

int cfs_damage_log_next(struct cfs_damage_log *log, struct cfs_damage *out,
			struct cfs_err *err)
{
	bool was_line;
	int rc = 1;

	while (rc > 0) {
		if (take_log_record(log, &was_line, out))
			return 1;
		if (!was_line)
			rc = read_more_records(log, err);
	}
	return rc;
}

static int compare_damage(const void *a, const void *b)
{
	const struct cfs_damage *x = a, *y = b;
	int order = strcmp(x->object, y->object);

	return order ? order : x->inode < y->inode ? -1 : x->inode > y->inode;
}

int cfs_damage_log_read(struct cfs_damage_log *log, struct cfs_damage_list *out,
			struct cfs_err *err)
{
	struct cfs_damage d;
	int rc;

	while ((rc = cfs_damage_log_next(log, &d, err)) > 0) {
		if (cfs_grow(&out->v, &out->cap, out->n + 1, sizeof(*out->v)) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		out->v[out->n++] = d;
	}
	if (out->n)
		qsort(out->v, out->n, sizeof(*out->v), compare_damage);
	return rc;
}
