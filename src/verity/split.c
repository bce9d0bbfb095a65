/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: one large file, split into groups of blocks that several threads hash. A group
 * consists of a few blocks of level 1 and all data below them, so that threads share
 * nothing. Their results are the beginning of level 2. */
#include "verity/verity.h"

#include <errno.h>

#include "verity/verity_priv.h"

enum {
	GROUP_HASH_BLOCKS =
		4, /* blocks of level 1 in a group: 2 MiB of data, 1 MiB for SHA-512 */
	GROUP_HASHES_LEN = GROUP_HASH_BLOCKS * CFS_VERITY_BLOCK,
	/* Groups in one run of the pool. The number bounds the memory for their hashes. A
	 * run covers at least 4 GiB, so that the cost of starting the threads again
	 * cannot be measured.
	 */
	WINDOW_GROUPS = 4096,
};

struct worker_buf {
	uint8_t data[DATA_BATCH_LEN];
	uint8_t hashes[GROUP_HASHES_LEN];
};

struct split {
	enum cfs_hash_alg alg;
	int fd;
	uint64_t off, end; /* the range of this run */
	uint64_t
		group_len; /* bytes of data in a group; divides WINDOW_GROUPS * group_len */
	struct worker_buf *buf; /* one per worker */
	uint8_t *hashes;	/* level 2: GROUP_HASH_BLOCKS per group */
};

static uint64_t min_u64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static int fail_size_changed(struct cfs_err *err)
{
	return cfs_fail(err, EBUSY, "file size changed while the file was read");
}

/* Computes level 1 of the data [off, end) into b->hashes. Returns its length. */
static ssize_t hash_data(const struct split *s, struct worker_buf *b, uint64_t off,
			 uint64_t end, struct cfs_err *err)
{
	size_t hash_len = cfs_hash_len(s->alg), len = 0;

	while (off < end) {
		size_t want = (size_t)min_u64(end - off, DATA_BATCH_LEN), n;
		ssize_t got = cfs_io_pread(s->fd, b->data, want, off, err);

		if (got < 0)
			return got;
		if ((size_t)got < want)
			return fail_size_changed(err);
		n = cfs_verity_pad(b->data, want);
		cfs_hash_blocks(s->alg, b->data, CFS_VERITY_BLOCK, n, b->hashes + len);
		len += n * hash_len;
		off += want;
	}
	return (ssize_t)len;
}

/* One item of the pool: the hashes of a group of data blocks, and the hash block above
 * them. */
static int hash_group(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	const struct split *s = ctx;
	struct worker_buf *b = &s->buf[worker];
	uint64_t off = s->off + i * s->group_len,
		 end = min_u64(s->end, off + s->group_len);
	ssize_t len = hash_data(s, b, off, end, err);

	if (len < 0)
		return (int)len;
	cfs_hash_blocks(s->alg, b->hashes, CFS_VERITY_BLOCK,
			cfs_verity_pad(b->hashes, (size_t)len),
			s->hashes + i * GROUP_HASH_BLOCKS * cfs_hash_len(s->alg));
	return 0;
}

static int hash_window(struct cfs_verity *v, struct split *s, unsigned n_threads,
		       const struct cfs_watch *watch, struct cfs_err *err)
{
	uint64_t len = s->end - s->off, hash_block_len = s->group_len / GROUP_HASH_BLOCKS;
	size_t n_groups = (size_t)((len + s->group_len - 1) / s->group_len);
	size_t n_hashes = (size_t)((len + hash_block_len - 1) / hash_block_len);
	int rc = cfs_pool_run(n_threads, n_groups, hash_group, s, watch, err);

	if (rc < 0)
		return rc;
	cfs_verity_push(v, 2, s->hashes, n_hashes * cfs_hash_len(s->alg));
	v->size += len;
	return 0;
}

static int check_file_size(int fd, uint64_t size, struct cfs_err *err)
{
	uint8_t more;
	ssize_t n = cfs_io_pread(fd, &more, 1, size, err);

	if (n < 0)
		return (int)n;
	return n == 0 ? 0 : fail_size_changed(err);
}

int cfs_verity_update_split(struct cfs_verity *v, int fd, uint64_t size,
			    unsigned n_threads, const struct cfs_watch *watch,
			    struct cfs_err *err)
{
	size_t hash_len = cfs_hash_len(v->alg);
	uint64_t group_len = (uint64_t)GROUP_HASHES_LEN / hash_len * CFS_VERITY_BLOCK;
	uint64_t window_len = min_u64(size, WINDOW_GROUPS * group_len);
	uint64_t n_groups = (window_len + group_len - 1) / group_len;
	cfs_autofree uint8_t *hashes = malloc(n_groups * GROUP_HASH_BLOCKS * hash_len);
	cfs_autofree struct worker_buf *buf = cfs_page_alloc(n_threads * sizeof(*buf));
	struct split s = {.alg = v->alg,
			  .fd = fd,
			  .group_len = group_len,
			  .buf = buf,
			  .hashes = hashes};

	if (!buf || !hashes)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (s.off = 0; s.off < size; s.off = s.end) {
		int rc;

		s.end = min_u64(size, s.off + window_len);
		rc = hash_window(v, &s, n_threads, watch, err);
		if (rc < 0)
			return rc;
	}
	return check_file_size(fd, size, err);
}
