/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: digests and hashes of bytes in memory.
 * Owns:  SHA-256, SHA-512 (streams and batches of equal blocks), xxh32, table hashes.
 * Uses:  base.
 * Never: opens files, knows fs-verity or images.
 */
#ifndef CFS_HASH_H
#define CFS_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"

/* The numbers are fs-verity's (FS_VERITY_HASH_ALG_*), and stand in images and
 * descriptors. */
enum cfs_hash_alg {
	CFS_SHA256 = 1,
	CFS_SHA512 = 2,
};

enum {
	CFS_SHA256_LEN = 32,
	CFS_SHA512_LEN = 64,
	CFS_HASH_MAX_LEN = 64,
};

static inline size_t cfs_hash_len(enum cfs_hash_alg alg)
{
	return alg == CFS_SHA512 ? CFS_SHA512_LEN : CFS_SHA256_LEN;
}

/* "sha256" or "sha512". */
const char *cfs_hash_name(enum cfs_hash_alg alg);

/* A digest of one stream of bytes. No heap, no owner. */
struct cfs_hash {
	enum cfs_hash_alg alg;
	union {
		uint32_t h32[8];
		uint64_t h64[8];
	} state;
	uint64_t total; /* bytes seen */
	uint8_t block[128];
};

void cfs_hash_init(struct cfs_hash *h, enum cfs_hash_alg alg);
void cfs_hash_update(struct cfs_hash *h, const void *p, size_t len);
/* out: cfs_hash_len(alg) bytes. */
void cfs_hash_final(struct cfs_hash *h, uint8_t *out);

/* The digest of each of n blocks of block_len bytes that lie one behind another; out
 * receives n digests, one behind another. block_len is a multiple of 128. Several blocks
 * are hashed at once where the CPU gains by it: offer many. */
void cfs_hash_blocks(enum cfs_hash_alg alg, const uint8_t *blocks, size_t block_len,
		     size_t n, uint8_t *out);

/* The CPU seam: implementations of the two compression functions, best first, portable C
 * last. cfs_hash_* uses the first that this CPU can run; tests run each that it can. */
struct cfs_hash_kernel {
	const char *name; /* "sha-ni x2", "portable", ... */
	enum cfs_hash_alg alg;
	bool (*usable)(void);
	/* Compresses n_blocks input blocks (64 or 128 bytes each) into one state. */
	void (*compress)(void *state, const uint8_t *p, size_t n_blocks);
	/* As cfs_hash_blocks. */
	void (*blocks)(const uint8_t *blocks, size_t block_len, size_t n, uint8_t *out);
};

/* The i-th kernel of the table, usable here or not; NULL behind the last. */
const struct cfs_hash_kernel *cfs_hash_kernel(size_t i);

/* XXH32. Source: the xxHash specification; EROFS uses it for its xattr name filter. */
uint32_t cfs_xxh32(const void *p, size_t len, uint32_t seed);

/* A fast 64-bit hash for tables in memory; its values are never stored. A table over
 * foreign bytes takes a random seed (cfs_hash_seed), so that nobody can choose
 * collisions. */
uint64_t cfs_hash64(const void *p, size_t len, uint64_t seed);
uint64_t cfs_hash_seed(void);

#endif
