/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-256 with the SHA2 instructions of aarch64. Only this file is compiled with
 * them enabled; the table checks that the CPU has them. */
#include <arm_neon.h>

#include "hash/hash_priv.h"

/* Does four rounds with the message words m[i]. Unless these are the last 16 rounds, m[i]
 * then becomes the next message words. */
static inline void rounds_4(uint32x4_t s[2], uint32x4_t m[4], size_t i, const uint32_t *k,
			    bool last)
{
	uint32x4_t wk = vaddq_u32(m[i], vld1q_u32(k)), abcd = s[0];

	s[0] = vsha256hq_u32(s[0], s[1], wk);
	s[1] = vsha256h2q_u32(s[1], abcd, wk);
	if (!last)
		m[i] = vsha256su1q_u32(vsha256su0q_u32(m[i], m[(i + 1) & 3]),
				       m[(i + 2) & 3], m[(i + 3) & 3]);
}

void cfs_sha256_compress_arm(void *state, const uint8_t *p, size_t n_blocks)
{
	uint32_t *h = state;
	uint32x4_t s[2] = {vld1q_u32(h), vld1q_u32(h + 4)};

	for (; n_blocks; n_blocks--, p += SHA256_BLOCK) {
		uint32x4_t old[2] = {s[0], s[1]}, m[4];

		CFS_UNROLL
		for (size_t i = 0; i < 4; i++)
			m[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(p + 16 * i)));
		CFS_UNROLL
		for (size_t r = 0; r < 16; r++)
			rounds_4(s, m, r & 3, cfs_sha256_k + 4 * r, r >= 12);
		s[0] = vaddq_u32(s[0], old[0]);
		s[1] = vaddq_u32(s[1], old[1]);
	}
	vst1q_u32(h, s[0]);
	vst1q_u32(h + 4, s[1]);
}

void cfs_sha256_blocks_arm(const uint8_t *blocks, size_t block_len, size_t n,
			   uint8_t *out)
{
	cfs_sha256_blocks_by(cfs_sha256_compress_arm, blocks, block_len, n, out);
}
