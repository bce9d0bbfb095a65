/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* File descriptors. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"

enum { WATCH_POLL_MS = 50 };

/* After EAGAIN on a standard descriptor, waits until it is ready. O_NONBLOCK is a flag of
 * the open file description, so another process that shares standard input or output may
 * set it at any moment. Other descriptors are not waited for: one that we opened with
 * O_NONBLOCK may be a FIFO. */
static bool wait_until_ready(int fd, short events)
{
	struct pollfd p = {fd, events, 0};

	return fd <= STDERR_FILENO && (errno == EAGAIN || errno == EWOULDBLOCK) &&
	       (poll(&p, 1, -1) >= 0 || errno == EINTR);
}

/* Programs keep the standard descriptors open (base/std.h), so that 1 is no other file. */
static int fail_write(int fd, struct cfs_err *err)
{
	return cfs_fail_errno(err, fd == STDOUT_FILENO ? "standard output" : "write");
}

int cfs_io_write(int fd, const void *p, size_t len, struct cfs_err *err)
{
	const char *from = p;

	while (len) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && (errno == EINTR || wait_until_ready(fd, POLLOUT)))
			continue;
		if (n < 0)
			return fail_write(fd, err);
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Reads until len bytes or the end of the file. off < 0 reads at the offset of the
 * descriptor. */
static ssize_t read_full(int fd, void *p, size_t len, off_t off, struct cfs_err *err)
{
	char *to = p;
	size_t done = 0;

	while (done < len) {
		ssize_t n = off < 0 ? read(fd, to + done, len - done)
				    : pread(fd, to + done, len - done, off + (off_t)done);

		if (n < 0 && (errno == EINTR || wait_until_ready(fd, POLLIN)))
			continue;
		if (n < 0)
			return cfs_fail_errno(err, "read");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t cfs_io_read(int fd, void *p, size_t len, struct cfs_err *err)
{
	return read_full(fd, p, len, -1, err);
}

/* Waits until a read or write will not block. */
static int wait_watched(int fd, short events, const struct cfs_watch *watch,
			struct cfs_err *err)
{
	struct pollfd p = {fd, events, 0};
	int n, rc;

	do {
		rc = cfs_watch_poll(watch, err);
		n = rc == 0 ? poll(&p, 1, WATCH_POLL_MS) : 1;
	} while (n == 0 || (n < 0 && errno == EINTR));
	return rc;
}

/* poll() before each read, so that cancelling ends the wait for a pipe or a slow server.
 * Returns fewer than len bytes only at the end of the input. */
ssize_t cfs_io_read_watched(int fd, void *p, size_t len, const struct cfs_watch *watch,
			    struct cfs_err *err)
{
	char *to = p;
	size_t done = 0;

	if (!watch)
		return cfs_io_read(fd, p, len, err);
	while (done < len) {
		int rc = wait_watched(fd, POLLIN, watch, err);
		ssize_t n;

		if (rc < 0)
			return rc;
		n = read(fd, to + done, len - done);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return cfs_fail_errno(err, "read");
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* A pipe that poll() reports as writable accepts PIPE_BUF bytes without blocking. */
static size_t max_write_len(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? SIZE_MAX : PIPE_BUF;
}

/* poll() before each write, and pieces that cannot block: a cancelled command must not
 * hang on a pipe that nothing reads. */
int cfs_io_write_watched(int fd, const void *p, size_t len, const struct cfs_watch *watch,
			 struct cfs_err *err)
{
	const char *from = p;
	size_t max = watch ? max_write_len(fd) : 0;

	if (!watch)
		return cfs_io_write(fd, p, len, err);
	while (len) {
		int rc = wait_watched(fd, POLLOUT, watch, err);
		ssize_t n;

		if (rc < 0)
			return rc;
		n = write(fd, from, len < max ? len : max);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n < 0)
			return fail_write(fd, err);
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

ssize_t cfs_io_pread(int fd, void *p, size_t len, uint64_t off, struct cfs_err *err)
{
	if (off > INT64_MAX - len)
		return cfs_fail(err, EOVERFLOW, "read: offset %llu is too large",
				(unsigned long long)off);
	return read_full(fd, p, len, (off_t)off, err);
}

int cfs_io_publish(int fd, int dirfd, const char *path, struct cfs_err *err)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, proc, dirfd, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* Without /proc. Needs CAP_DAC_READ_SEARCH, or since Linux 6.10 the same
	 * credentials as at open time. */
	if (errno == ENOENT && linkat(fd, "", dirfd, path, AT_EMPTY_PATH) == 0)
		return 0;
	if (errno == EEXIST)
		return -EEXIST;
	return cfs_fail_errno(err, "link");
}

int cfs_io_make_dirs(int dirfd, const char *path, mode_t mode, struct cfs_err *err)
{
	cfs_autofree char *copy = strdup(path);

	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (char *p = copy + strspn(copy, "/"); *p;) {
		char *end = p + strcspn(p, "/");
		bool is_last = !end[strspn(end, "/")];
		char cut = *end;

		*end = '\0';
		if (mkdirat(dirfd, copy, is_last ? mode : 0755) < 0 && errno != EEXIST)
			return cfs_fail_errno(err, "create directory %s", copy);
		*end = cut;
		p = end + strspn(end, "/");
	}
	return 0;
}

bool cfs_path_leaves(struct cfs_text path)
{
	while (path.len) {
		const char *slash = memchr(path.s, '/', path.len);
		size_t len = slash ? (size_t)(slash - path.s) : path.len;

		if (cfs_text_eq((struct cfs_text){path.s, len}, CFS_TEXT("..")))
			return true;
		len += slash != NULL;
		path.s += len;
		path.len -= len;
	}
	return false;
}
