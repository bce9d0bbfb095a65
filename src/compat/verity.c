/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fs-verity digests of contents, files and nodes. */
#include "compat/compat.h"

#include <errno.h>
#include <fcntl.h>

#include "verity/verity.h"

enum { READ_PIECE = 64 * 1024 };

static int digest_of_callback(void *file, lcfs_read_cb read_cb, uint8_t *buf,
			      struct cfs_verity *verity)
{
	for (;;) {
		ssize_t n = read_cb(file, buf, READ_PIECE);

		if (n == 0)
			return 0;
		if (n < 0 || n > READ_PIECE)
			return -ENODATA;
		cfs_verity_update(verity, buf, (size_t)n);
	}
}

int lcfs_compute_fsverity_from_content(uint8_t *digest, void *file, lcfs_read_cb read_cb)
{
	cfs_autofree uint8_t *buf = malloc(READ_PIECE);
	struct cfs_verity *verity;
	struct cfs_digest d;
	int rc;

	if (!buf || cfs_verity_new(CFS_SHA256, &verity) < 0)
		return lcfs_fail(-ENOMEM);
	rc = digest_of_callback(file, read_cb, buf, verity);
	if (rc == 0) {
		cfs_verity_final(verity, &d);
		memcpy(digest, d.bytes, LCFS_DIGEST_SIZE);
	}
	cfs_verity_free(verity);
	return rc < 0 ? lcfs_fail(rc) : 0;
}

static ssize_t read_callback_fd(void *file, void *buf, size_t count)
{
	ssize_t n;

	do {
		n = read(*(const int *)file, buf, count);
	} while (n < 0 && errno == EINTR);
	return n;
}

int lcfs_compute_fsverity_from_fd(uint8_t *digest, int fd)
{
	return lcfs_compute_fsverity_from_content(digest, &fd, read_callback_fd);
}

int lcfs_compute_fsverity_from_data(uint8_t *digest, uint8_t *data, size_t data_len)
{
	struct cfs_digest d;
	int rc = cfs_verity_digest_mem(CFS_SHA256, (struct cfs_span){data, data_len}, &d,
				       NULL);

	if (rc < 0)
		return lcfs_fail(rc);
	memcpy(digest, d.bytes, LCFS_DIGEST_SIZE);
	return 0;
}

/* --- files -------------------------------------------------------------------------- */

/* Like lcfs_fail, for the functions that return -errno. */
static int fail_with_code(int rc)
{
	errno = -rc;
	return rc;
}

static int measure_callback_fd(uint8_t *digest, int fd)
{
	struct cfs_digest d;
	int rc = cfs_verity_measure(fd, &d, NULL);

	if (rc == 0 && d.alg != CFS_SHA256)
		rc = -EWRONGVERITY;
	if (rc == 0)
		memcpy(digest, d.bytes, LCFS_DIGEST_SIZE);
	return rc;
}

int lcfs_fd_measure_fsverity(uint8_t *digest, int fd)
{
	int rc = measure_callback_fd(digest, fd);

	return rc < 0 ? fail_with_code(rc) : 0;
}

int lcfs_fd_get_fsverity(uint8_t *digest, int fd)
{
	int rc = measure_callback_fd(digest, fd);
	struct cfs_digest d;

	if (rc != -ENOVERITY)
		return rc < 0 ? fail_with_code(rc) : 0;
	if (lseek(fd, 0, SEEK_CUR) < 0)
		return fail_with_code(-errno);
	if (cfs_verity_digest_fd(CFS_SHA256, fd, 1, NULL, &d, NULL, NULL) < 0)
		return lcfs_fail(-ENODATA);
	memcpy(digest, d.bytes, LCFS_DIGEST_SIZE);
	return 0;
}

int lcfs_fd_enable_fsverity(int fd)
{
	int rc = cfs_verity_enable(fd, CFS_SHA256, NULL);

	return rc < 0 ? fail_with_code(rc) : 0;
}

/* --- nodes -------------------------------------------------------------------------- */

int lcfs_node_set_fsverity_from_content(struct lcfs_node_s *node, void *file,
					lcfs_read_cb read_cb)
{
	uint8_t digest[LCFS_DIGEST_SIZE];

	if (lcfs_compute_fsverity_from_content(digest, file, read_cb) < 0)
		return -1;
	lcfs_node_set_fsverity_digest(node, digest);
	return 0;
}

int lcfs_node_set_fsverity_from_fd(struct lcfs_node_s *node, int fd)
{
	return lcfs_node_set_fsverity_from_content(node, &fd, read_callback_fd);
}
