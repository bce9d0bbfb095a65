/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: the Merkle tree as a stream of blocks, shared by the ways to feed it. */
#ifndef CFS_VERITY_PRIV_H
#define CFS_VERITY_PRIV_H

#include "verity/verity.h"

/* Blocks that a level collects before it hashes them, so that the kernels see many at
 * once. Those of data fill all lanes of each kernel (3, 4, 8 or 16). */
enum {
	DATA_BATCH = 48,
	HASH_BATCH = 16,
	DATA_BATCH_LEN = DATA_BATCH * CFS_VERITY_BLOCK,
	HASH_BATCH_LEN = HASH_BATCH * CFS_VERITY_BLOCK,
	/* The data, the hashes above it, and the root hash above them: 2^64 bytes are
	 * 2^52 blocks, and a level of SHA-512 has a 64th of the blocks of the one below
	 * (52 / 6, rounded up). */
	N_LEVELS = 1 + 9 + 1,
};

/* One level of the tree: level 0 is the data, each other the hashes of the blocks below
 * it. */
struct level {
	uint8_t *buf; /* of the batch length */
	size_t cap, len;
};

struct cfs_verity {
	enum cfs_hash_alg alg;
	unsigned top;  /* the highest level that was given bytes */
	uint64_t size; /* bytes of data */
	struct level level[N_LEVELS];
	uint8_t buf[]; /* the buffers of all levels */
};

/* Zeroes p from len up to a whole block; returns the number of blocks. */
static inline size_t cfs_verity_pad(uint8_t *p, size_t len)
{
	size_t n = (len + CFS_VERITY_BLOCK - 1) / CFS_VERITY_BLOCK;

	memset(p + len, 0, n * CFS_VERITY_BLOCK - len);
	return n;
}

enum {
	DESCRIPTOR_LEN = 256,
	DESCRIPTOR_ROOT_OFF = 16,
};

/* The descriptor of size bytes of data, but for the root hash at DESCRIPTOR_ROOT_OFF, which an
 * empty file leaves zero. Its hash is the digest. */
void cfs_verity_descriptor(enum cfs_hash_alg alg, uint64_t size,
			   uint8_t d[DESCRIPTOR_LEN]);

/* Gives bytes to a level; hashes what became a full batch and gives that to the next. */
void cfs_verity_push(struct cfs_verity *v, unsigned level, const uint8_t *p, size_t len);

/* Counts len bytes that were put behind those of the level's buffer; hashes a full batch.
 */
void cfs_verity_filled(struct cfs_verity *v, unsigned level, size_t len);

/* Feeds the size bytes of a regular file, read by n_threads. -EBUSY: the file has another
 * size. */
int cfs_verity_update_split(struct cfs_verity *v, int fd, uint64_t size,
			    unsigned n_threads, const struct cfs_watch *watch,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
