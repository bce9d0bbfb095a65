/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: digests and hashes of bytes in memory.
 * Owns:  SHA-256, SHA-512 (streams and batches of equal blocks), xxh32, table hashes,
 *        shortened digests.
 * Uses:  base.
 * Never: opens files, knows fs-verity or images.
 */
#ifndef CFS_HASH_H
#define CFS_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/base.h"
#include "hash/alg.h"
#include "hash/prefix.h"

/* A digest of one stream of bytes. Uses no heap, so it needs no cleanup. */
struct cfs_hash {
	enum cfs_hash_alg alg;
	union {
		uint32_t h32[8];
		uint64_t h64[8];
	} state;
	uint64_t total; /* bytes added so far */
	uint8_t block[128];
};

/* Starts a digest; adds len bytes to it. Neither can fail. */
void cfs_hash_init(struct cfs_hash *h, enum cfs_hash_alg alg);
void cfs_hash_update(struct cfs_hash *h, const void *p, size_t len);
/* Writes cfs_hash_len(alg) bytes to out. */
void cfs_hash_final(struct cfs_hash *h, uint8_t *out);

/* Computes the digest of each of n consecutive blocks of block_len bytes, and writes n
 * consecutive digests to out. block_len is a multiple of 128. Pass many blocks at once:
 * most implementations hash several in parallel. */
void cfs_hash_blocks(enum cfs_hash_alg alg, const uint8_t *blocks, size_t block_len,
		     size_t n, uint8_t *out);

/* Implementations of the two compression functions. The table is sorted by speed, and
 * ends with portable C. cfs_hash_* uses the first one that this CPU supports; tests run
 * all that it supports. */
struct cfs_hash_kernel {
	const char *name; /* "sha-ni x2", "portable", ... */
	enum cfs_hash_alg alg;
	bool (*usable)(void);
	/* Compresses n_blocks input blocks (64 or 128 bytes each) into one state. */
	void (*compress)(void *state, const uint8_t *p, size_t n_blocks);
	/* Like cfs_hash_blocks. */
	void (*blocks)(const uint8_t *blocks, size_t block_len, size_t n, uint8_t *out);
};

/* Returns entry i of the table, whether this CPU supports it or not; NULL after the last
 * one. */
const struct cfs_hash_kernel *cfs_hash_get_kernel(size_t i);

/* XXH32. Source: the xxHash specification; EROFS uses it for its xattr name filter. */
uint32_t cfs_xxh32(const void *p, size_t len, uint32_t seed);

/* A fast 64-bit hash for tables in memory. Its values are never stored. For untrusted
 * keys, use a random seed (cfs_hash_make_seed), so that an attacker cannot choose keys that
 * collide. */
uint64_t cfs_hash64(const void *p, size_t len, uint64_t seed);
uint64_t cfs_hash_make_seed(void);

#endif
