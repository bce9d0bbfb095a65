/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Writing contents, with holes where they have long runs of zeros. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "store/store_priv.h"

static bool is_zero_block(const uint8_t *p, size_t len)
{
	return p[0] == 0 && memcmp(p, p + 1, len - 1) == 0;
}

int store_write_at(int fd, const uint8_t *p, size_t len, uint64_t off,
		   struct cfs_err *err)
{
	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)off);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cfs_fail_errno(err, "object store: write");
		p += n;
		off += (size_t)n;
		len -= (size_t)n;
	}
	return 0;
}

int store_write_sparse(int fd, const uint8_t *p, size_t len, uint64_t off,
		       struct cfs_err *err)
{
	size_t from = 0;

	for (size_t at = 0; at < len; at += STORE_HOLE_LEN) {
		int rc;

		if (len - at < STORE_HOLE_LEN || !is_zero_block(p + at, STORE_HOLE_LEN))
			continue;
		rc = store_write_at(fd, p + from, at - from, off + from, err);
		if (rc < 0)
			return rc;
		from = at + STORE_HOLE_LEN;
	}
	return store_write_at(fd, p + from, len - from, off + from, err);
}
