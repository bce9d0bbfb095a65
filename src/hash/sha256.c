/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-256 in portable C. Source: FIPS 180-4. */
#include "hash/hash_priv.h"

const uint32_t cfs_sha256_init[8] = {
	0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
	0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

const uint32_t cfs_sha256_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

#define SHA2_BITS 256
#define INLINE	  static inline __attribute__((always_inline))
typedef uint32_t word;
#include "hash/sha2.inc"

static void compress_sha256_block(word state[8], const uint8_t *p)
{
	word w[16];

	CFS_UNROLL
	for (size_t i = 0; i < 16; i++)
		w[i] = cfs_be32(p + sizeof(word) * i);
	compress_words(state, w);
}

void cfs_sha256_compress(void *state, const uint8_t *p, size_t n_blocks)
{
	for (; n_blocks; n_blocks--, p += SHA256_BLOCK)
		compress_sha256_block(state, p);
}

void cfs_sha256_blocks_by(cfs_compress_fn compress, const uint8_t *blocks,
			  size_t block_len, size_t n, uint8_t *out)
{
	uint8_t pad[SHA256_BLOCK];

	cfs_hash_pad_block(pad, sizeof(pad), block_len);
	for (; n; n--, blocks += block_len, out += CFS_SHA256_LEN) {
		uint32_t state[8];

		memcpy(state, cfs_sha256_init, sizeof(state));
		compress(state, blocks, block_len / SHA256_BLOCK);
		compress(state, pad, 1);
		cfs_sha256_put(state, out);
	}
}

void cfs_sha256_blocks(const uint8_t *blocks, size_t block_len, size_t n, uint8_t *out)
{
	cfs_sha256_blocks_by(cfs_sha256_compress, blocks, block_len, n, out);
}
