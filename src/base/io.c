/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* File descriptors. */
#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/mem.h"

int cfs_io_write(int fd, const void *p, size_t len, struct cfs_err *err)
{
	const char *from = p;

	while (len) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cfs_fail_errno(err, "write");
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

/* off < 0 reads at the descriptor's own offset. */
static ssize_t read_full(int fd, void *p, size_t len, off_t off, struct cfs_err *err)
{
	char *to = p;
	size_t done = 0;

	while (done < len) {
		ssize_t n = off < 0 ? read(fd, to + done, len - done)
				    : pread(fd, to + done, len - done, off + (off_t)done);

		if (n < 0 && errno == EINTR)
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

ssize_t cfs_io_pread(int fd, void *p, size_t len, uint64_t off, struct cfs_err *err)
{
	if (off > INT64_MAX - len)
		return cfs_fail(err, EOVERFLOW, "read: offset %llu is too large",
				(unsigned long long)off);
	return read_full(fd, p, len, (off_t)off, err);
}

/* Reads until the end, whatever the size was said to be. */
int cfs_map_copy(int fd, struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = NULL;
	size_t len = 0, cap = 0;
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (S_ISDIR(st.st_mode))
		return cfs_fail(err, EISDIR, "want a file, found a directory");
	for (;;) {
		size_t want = len + 65536;
		ssize_t n;

		if (len == 0 && S_ISREG(st.st_mode))
			want = (size_t)st.st_size + 1;
		if (cfs_grow(&buf, &cap, want, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = S_ISREG(st.st_mode) ? cfs_io_pread(fd, buf + len, cap - len, len, err)
					: cfs_io_read(fd, buf + len, cap - len, err);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		if (len < cap)
			break;
	}
	out->span = (struct cfs_span){cfs_steal(&buf), len};
	out->mapped = false;
	return 0;
}

int cfs_map_fd(int fd, struct cfs_map *out, struct cfs_err *err)
{
	struct stat st;
	void *p;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return cfs_map_copy(fd, out, err);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return cfs_fail_errno(err, "mmap");
	out->span = (struct cfs_span){p, (size_t)st.st_size};
	out->mapped = true;
	return 0;
}

static bool others_can_change(const struct stat *st)
{
	return (st->st_uid != geteuid() && st->st_uid != 0) ||
	       (st->st_mode & (S_IWGRP | S_IWOTH));
}

int cfs_map_stable(int fd, struct cfs_map *out, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	return others_can_change(&st) ? cfs_map_copy(fd, out, err)
				      : cfs_map_fd(fd, out, err);
}

void cfs_map_close(struct cfs_map *map)
{
	void *p = (void *)(uintptr_t)map->span.p;

	if (map->mapped)
		munmap(p, map->span.len);
	else
		free(p);
	*map = (struct cfs_map){0};
}

int cfs_io_publish(int fd, int dirfd, const char *path, struct cfs_err *err)
{
	char proc[64];

	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	if (linkat(AT_FDCWD, proc, dirfd, path, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* Without /proc: needs CAP_DAC_READ_SEARCH (any caller's own file since 6.10). */
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
			return cfs_fail_errno(err, "make directory %s", copy);
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
