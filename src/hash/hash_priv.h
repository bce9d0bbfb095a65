/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: sizes, constants, byte order, padding and the table of implementations, for the
 * files of this room.
 */
#ifndef CFS_HASH_PRIV_H
#define CFS_HASH_PRIV_H

#include "hash/hash.h"

enum {
	SHA256_BLOCK = 64, /* bytes per compression */
	SHA512_BLOCK = 128,
};

/* Unrolls a loop of up to 16 iterations. The counter must be a constant in each, so that
 * the arrays that it indexes are kept in registers. */
#ifdef __clang__
#define CFS_UNROLL _Pragma("unroll")
#else
#define CFS_UNROLL _Pragma("GCC unroll 16")
#endif

/* Initial states and round constants of FIPS 180-4, defined in sha256.c and sha512.c. */
extern const uint32_t cfs_sha256_init[8];
extern const uint32_t cfs_sha256_k[64];
extern const uint64_t cfs_sha512_init[8];
extern const uint64_t cfs_sha512_k[80];

static inline size_t cfs_hash_block(enum cfs_hash_alg alg)
{
	return alg == CFS_SHA512 ? SHA512_BLOCK : SHA256_BLOCK;
}

static inline uint32_t cfs_be32(const void *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return be32toh(v);
}

static inline uint64_t cfs_be64(const void *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return be64toh(v);
}

static inline void cfs_put_be32(void *p, uint32_t v)
{
	v = htobe32(v);
	memcpy(p, &v, sizeof(v));
}

static inline void cfs_put_be64(void *p, uint64_t v)
{
	v = htobe64(v);
	memcpy(p, &v, sizeof(v));
}

/* Builds the last compression input of a message of len bytes, where len is a multiple of
 * the block size. */
static inline void cfs_hash_pad_block(uint8_t *pad, size_t block, size_t len)
{
	memset(pad, 0, block);
	pad[0] = 0x80;
	cfs_put_be64(pad + block - 8, (uint64_t)len * 8);
}

static inline void cfs_sha256_put(const uint32_t state[8], uint8_t *out)
{
	for (size_t i = 0; i < 8; i++)
		cfs_put_be32(out + 4 * i, state[i]);
}

static inline void cfs_sha512_put(const uint64_t state[8], uint8_t *out)
{
	for (size_t i = 0; i < 8; i++)
		cfs_put_be64(out + 8 * i, state[i]);
}

typedef void (*cfs_compress_fn)(void *state, const uint8_t *p, size_t n_blocks);

/* Hashes one block after another, with an implementation that handles one stream only. */
void cfs_sha256_blocks_by(cfs_compress_fn compress, const uint8_t *blocks,
			  size_t block_len, size_t n, uint8_t *out);
void cfs_sha512_blocks_by(cfs_compress_fn compress, const uint8_t *blocks,
			  size_t block_len, size_t n, uint8_t *out);

/* The table of this architecture (kernels_*.c), sorted by speed. The last entry has the
 * name NULL. */
extern const struct cfs_hash_kernel cfs_hash_kernels[];

/* Portable C: the last entry of each algorithm in every table. */
static inline bool cfs_hash_is_always_usable(void)
{
	return true;
}

/* In portable C. _compress adds whole blocks to one state; _blocks computes n digests,
 * each of block_len bytes, one after the other in blocks and in out. */
void cfs_sha256_compress(void *state, const uint8_t *p, size_t n_blocks);
void cfs_sha256_blocks(const uint8_t *blocks, size_t block_len, size_t n, uint8_t *out);
void cfs_sha512_compress(void *state, const uint8_t *p, size_t n_blocks);
void cfs_sha512_blocks(const uint8_t *blocks, size_t block_len, size_t n, uint8_t *out);

/* x86-64. */
void cfs_sha256_compress_ni(void *state, const uint8_t *p, size_t n_blocks);
void cfs_sha256_blocks_ni(const uint8_t *blocks, size_t block_len, size_t n,
			  uint8_t *out);
void cfs_sha256_blocks_avx2(const uint8_t *blocks, size_t block_len, size_t n,
			    uint8_t *out);
void cfs_sha256_blocks_avx512(const uint8_t *blocks, size_t block_len, size_t n,
			      uint8_t *out);
void cfs_sha512_blocks_avx2(const uint8_t *blocks, size_t block_len, size_t n,
			    uint8_t *out);
void cfs_sha512_blocks_avx512(const uint8_t *blocks, size_t block_len, size_t n,
			      uint8_t *out);

/* aarch64. */
void cfs_sha256_compress_arm(void *state, const uint8_t *p, size_t n_blocks);
void cfs_sha256_blocks_arm(const uint8_t *blocks, size_t block_len, size_t n,
			   uint8_t *out);

#endif
