/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: the Merkle tree as a stream of blocks, shared by the functions that add
 * data. */
#ifndef CFS_VERITY_PRIV_H
#define CFS_VERITY_PRIV_H

#include "verity/verity.h"

/* Blocks that a level collects before it hashes them together. The number for data is a
 * multiple of the lanes of each implementation (3, 4, 8 or 16). */
enum {
	DATA_BATCH = 48,
	HASH_BATCH = 16,
	DATA_BATCH_LEN = DATA_BATCH * CFS_VERITY_BLOCK,
	HASH_BATCH_LEN = HASH_BATCH * CFS_VERITY_BLOCK,
	/* The data, the levels of hashes, and the root hash: 2^64 bytes are 2^52 blocks,
	 * and each level of SHA-512 has 1/64 of the blocks of the level below (52 / 6,
	 * rounded up). */
	N_LEVELS = 1 + 9 + 1,
};

/* One level of the tree. Level 0 is the data; each other level holds the hashes of the
 * blocks below. */
struct level {
	uint8_t *buf; /* cap bytes */
	size_t cap, len;
};

struct cfs_verity {
	enum cfs_hash_alg alg;
	unsigned top;  /* highest level that has bytes */
	uint64_t size; /* bytes of data */
	struct level level[N_LEVELS];
	uint8_t buf[]; /* the buffers of all levels */
};

/* Pads p with zeros from len to the end of the block. Returns the number of blocks. */
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

/* Writes the descriptor for size bytes of data, with a zero root hash at
 * DESCRIPTOR_ROOT_OFF, as an empty file has it. The hash of the descriptor is the
 * digest. */
void cfs_verity_encode_descriptor(enum cfs_hash_alg alg, uint64_t size,
				  uint8_t d[DESCRIPTOR_LEN]);

/* Adds bytes to a level. Hashes each full batch and adds the hashes to the next level. */
void cfs_verity_push(struct cfs_verity *v, unsigned level, const uint8_t *p, size_t len);

/* Counts len bytes that the caller appended to the buffer of a level. Hashes it if it is
 * full.
 */
void cfs_verity_add_filled(struct cfs_verity *v, unsigned level, size_t len);

/* Adds the size bytes of a regular file, read by n_threads. -EBUSY: the file has another
 * size. */
int cfs_verity_update_split(struct cfs_verity *v, int fd, uint64_t size,
			    unsigned n_threads, const struct cfs_watch *watch,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
