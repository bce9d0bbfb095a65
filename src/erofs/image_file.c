/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Images in files: the superblock is checked before the rest is read. */
#include "erofs/image_file.h"

#include <errno.h>
#include <sys/stat.h>

#include "erofs/format.h"
#include "erofs/superblock.h"

enum {
	UNKNOWN_MAX =
		1
		<< 30, /* bytes from a pipe when the superblock does not give the length */
	PIECE_LEN = 1 << 20,
};

/* Appends up to want bytes, fewer only at the end of the file. */
static int append_from_fd(int fd, size_t want, struct cfs_mem *to, struct cfs_err *err)
{
	while (want) {
		size_t len = want < PIECE_LEN ? want : PIECE_LEN;
		ssize_t n;

		if (cfs_grow(&to->p, &to->cap, to->len + len, 1) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
		n = cfs_io_read(fd, to->p + to->len, len, err);
		if (n < 0)
			return (int)n;
		to->len += (size_t)n;
		want -= (size_t)n;
		if ((size_t)n < len)
			break;
	}
	return 0;
}

/* Reads one byte more than expected, so that a longer file is noticed. */
int cfs_image_read_stream(int fd, struct cfs_mem *to, struct cfs_err *err)
{
	size_t missing = to->len < EROFS_BLOCK ? EROFS_BLOCK - to->len : 0;
	uint64_t len;
	int rc = append_from_fd(fd, missing, to, err);

	if (rc == 0)
		rc = cfs_image_measure_head(cfs_mem_span(to), CFS_IMAGE_LEN_UNKNOWN, &len,
					    err);
	if (rc < 0)
		return rc;
	if (len == CFS_IMAGE_LEN_UNKNOWN)
		len = UNKNOWN_MAX;
	if (len < to->len)
		return 0; /* cfs_image_open will refuse it */
	return append_from_fd(fd, len + 1 - to->len, to, err);
}

static int map_stream(int fd, struct cfs_map *out, struct cfs_err *err)
{
	struct cfs_mem bytes = {0};
	int rc = cfs_image_read_stream(fd, &bytes, err);

	if (rc < 0)
		free(bytes.p);
	else
		*out = (struct cfs_map){.span = {bytes.p, bytes.len}};
	return rc;
}

int cfs_image_map(int fd, cfs_map_fn *how, struct cfs_map *out, struct cfs_err *err)
{
	uint8_t head[EROFS_BLOCK];
	struct stat st;
	uint64_t len;
	ssize_t n;
	int rc;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (S_ISDIR(st.st_mode))
		return cfs_fail(err, EISDIR, "expected a file, got a directory");
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return map_stream(fd, out, err);
	n = cfs_io_pread(fd, head, sizeof(head), 0, err);
	if (n < 0)
		return (int)n;
	rc = cfs_image_measure_head((struct cfs_span){head, (size_t)n},
				    (uint64_t)st.st_size, &len, err);
	return rc < 0 ? rc : how(fd, out, err);
}
