/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Input files. */
#include "base/input.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/beneath.h"
#include "base/io.h"
#include "base/mem.h"

enum { CHUNK_LEN = 64 * 1024 };

const char *cfs_input_get_type_name(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a regular file";
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symlink";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	case S_IFCHR:
		return "a character device";
	case S_IFBLK:
		return "a block device";
	default:
		return "a file of unknown type";
	}
}

static int fail_errnum(int errnum, struct cfs_err *err)
{
	errno = errnum;
	return cfs_fail(err, errnum, "%m");
}

/* A pipe that the program inherited: /dev/stdin, /dev/fd/N. Opening it does not block. */
static bool is_unnamed_pipe(int fd, const struct stat *st)
{
	struct statfs fs;

	return S_ISFIFO(st->st_mode) && fstatfs(fd, &fs) == 0 &&
	       fs.f_type == PIPEFS_MAGIC;
}

/* Refuses what is no regular file before it is opened for reading; st gets its
 * attributes. */
static int check_input_type(int fd, unsigned flags, struct stat *st, struct cfs_err *err)
{
	if (fstat(fd, st) < 0)
		return fail_errnum(errno, err);
	if (S_ISREG(st->st_mode))
		return 0;
	if ((flags & CFS_INPUT_PIPE) && is_unnamed_pipe(fd, st))
		return 0;
	return cfs_fail(err,
			S_ISDIR(st->st_mode)   ? EISDIR
			: S_ISLNK(st->st_mode) ? ELOOP
					       : EINVAL,
			"expected a regular file, got %s",
			cfs_input_get_type_name(st->st_mode));
}

/* Like openat(), with a negative errno. */
static int open_path(int dirfd, const char *path, int how, unsigned flags)
{
	int nofollow = flags & CFS_INPUT_NOFOLLOW ? O_NOFOLLOW : 0, fd;

	if (flags & CFS_INPUT_BENEATH)
		return cfs_beneath_open(dirfd, path, how, 0);
	fd = openat(dirfd, path, how | O_CLOEXEC | nofollow);
	return fd < 0 ? -errno : fd;
}

/* Opens the path a second time if /proc is not mounted. The file may have been replaced
 * since the first time, so it is opened with O_NONBLOCK and its type is checked again. */
static int reopen_without_proc(int dirfd, const char *path, unsigned flags,
			       struct cfs_err *err)
{
	cfs_autofd int fd =
		open_path(dirfd, path, O_RDONLY | O_NOCTTY | O_NONBLOCK, flags);
	struct stat st;
	int rc, mode;

	if (fd < 0)
		return fail_errnum(-fd, err);
	rc = check_input_type(fd, flags, &st, err);
	if (rc < 0)
		return rc;
	mode = fcntl(fd, F_GETFL);
	if (mode < 0 || fcntl(fd, F_SETFL, mode & ~O_NONBLOCK) < 0)
		return fail_errnum(errno, err);
	return cfs_steal_fd(&fd);
}

int cfs_input_open(int dirfd, const char *path, unsigned flags, struct cfs_err *err)
{
	cfs_autofd int at = open_path(dirfd, path, O_PATH, flags);
	char proc[64];
	struct stat st;
	int rc, fd;

	if (at == -EXDEV)
		return cfs_fail(err, EXDEV, "path leaves its directory");
	if (at < 0)
		return fail_errnum(-at, err);
	rc = check_input_type(at, flags, &st, err);
	if (rc < 0)
		return rc;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", at);
	fd = open(proc, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 && errno == ENOENT)
		return reopen_without_proc(dirfd, path, flags, err);
	return fd < 0 ? fail_errnum(errno, err) : fd;
}

static int fail_too_large(size_t max, struct cfs_err *err)
{
	return cfs_fail(err, EFBIG, "expected at most %zu bytes, got more", max);
}

/* Asks for one byte more than max, so that a file that grew, or a pipe, is refused and
 * not cut off. On failure, out keeps what was read; the caller frees it. */
int cfs_input_read_fd(int fd, size_t max, struct cfs_mem *out, struct cfs_err *err)
{
	size_t before = out->len, chunk;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return fail_errnum(errno, err);
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max)
		return fail_too_large(max, err);
	do {
		chunk = max - (out->len - before);
		chunk = chunk < CHUNK_LEN ? chunk + 1 : CHUNK_LEN;
		if (cfs_grow(&out->p, &out->cap, out->len + chunk, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = cfs_io_read(fd, out->p + out->len, chunk, err);
		if (n < 0)
			return (int)n;
		out->len += (size_t)n;
		if (out->len - before > max)
			return fail_too_large(max, err);
	} while ((size_t)n == chunk);
	return 0;
}

int cfs_input_read(int dirfd, const char *path, unsigned flags, size_t max,
		   struct cfs_mem *out, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(dirfd, path, flags, err);

	return fd < 0 ? fd : cfs_input_read_fd(fd, max, out, err);
}
