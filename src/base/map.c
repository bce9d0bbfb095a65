/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whole files as spans: mapped or copied. */
#include "base/map.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/input.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/std.h"

/* Reads until the end of the file, and ignores st_size. */
static int copy_stream(int fd, struct cfs_map *out, struct cfs_err *err)
{
	struct cfs_mem bytes = {0};
	int rc = cfs_input_read_fd(fd, SIZE_MAX / 2, &bytes, err);

	if (rc < 0)
		free(bytes.p);
	else
		*out = (struct cfs_map){.span = {bytes.p, bytes.len}};
	return rc;
}

/* Finds the next data of the file: from *off to *end. If the filesystem does not support
 * SEEK_DATA, the whole file is data. */
static bool next_data(int fd, size_t size, size_t *off, size_t *end)
{
	off_t data = lseek(fd, (off_t)*off, SEEK_DATA), hole;

	if (data < 0 && errno == ENXIO) /* a hole up to the end */
		return false;
	if (data > (off_t)*off)
		*off = (size_t)data;
	hole = data < 0 ? -1 : lseek(fd, (off_t)*off, SEEK_HOLE);
	*end = hole > (off_t)*off && (size_t)hole < size ? (size_t)hole : size;
	return *off < size;
}

/* Copies the data only. calloc() gets large memory from the kernel, which uses no memory
 * for pages that are never written. If the file grows meanwhile, the new bytes are
 * ignored; if it shrinks, the copy ends there. */
static int copy_data_ranges(int fd, size_t size, struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = calloc(1, size);
	off_t before = lseek(fd, 0, SEEK_CUR);
	size_t off = 0, end, len = size;

	if (!buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (off < len && next_data(fd, size, &off, &end)) {
		ssize_t n = cfs_io_pread(fd, buf + off, end - off, off, err);

		if (n < 0)
			return (int)n;
		off += (size_t)n;
		if (off < end)
			len = off;
	}
	if (before >= 0 && lseek(fd, before, SEEK_SET) < 0)
		return cfs_fail_errno(err, "seek");
	*out = (struct cfs_map){.span = {cfs_steal(&buf), len}};
	return 0;
}

static int copy_regular(int fd, size_t size, struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = cfs_page_alloc(size);
	ssize_t n;

	if (!buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_pread(fd, buf, size, 0, err);
	if (n < 0)
		return (int)n;
	*out = (struct cfs_map){.span = {cfs_steal(&buf), (size_t)n}};
	return 0;
}

static bool is_sparse(const struct stat *st)
{
	return st->st_blocks < st->st_size / 512;
}

/* Sets *is_file for a regular file whose size is known. Files in /proc report the size
 * 0. */
static int check_mappable(int fd, struct stat *st, bool *is_file, struct cfs_err *err)
{
	if (fstat(fd, st) < 0)
		return cfs_fail_errno(err, "stat");
	if (S_ISDIR(st->st_mode))
		return cfs_fail(err, EISDIR, "expected a file, got a directory");
	if (S_ISBLK(st->st_mode) ||
	    (S_ISCHR(st->st_mode) && !isatty(fd) && !cfs_std_is_null(st)))
		return cfs_fail(err, EINVAL, "expected a regular file, got %s",
				cfs_input_get_type_name(st->st_mode));
	*is_file = S_ISREG(st->st_mode) && st->st_size > 0;
	return 0;
}

int cfs_map_copy(int fd, struct cfs_map *out, struct cfs_err *err)
{
	bool is_file = false;
	struct stat st;
	int rc = check_mappable(fd, &st, &is_file, err);

	if (rc < 0)
		return rc;
	if (!is_file)
		return copy_stream(fd, out, err);
	return is_sparse(&st) ? copy_data_ranges(fd, (size_t)st.st_size, out, err)
			      : copy_regular(fd, (size_t)st.st_size, out, err);
}

int cfs_map_fd(int fd, struct cfs_map *out, struct cfs_err *err)
{
	bool is_file = false;
	struct stat st;
	int rc = check_mappable(fd, &st, &is_file, err);
	void *p;

	if (rc < 0)
		return rc;
	if (!is_file)
		return copy_stream(fd, out, err);
	p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return cfs_fail_errno(err, "mmap");
	*out = (struct cfs_map){{p, (size_t)st.st_size}, true};
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
