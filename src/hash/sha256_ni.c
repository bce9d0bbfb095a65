/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-256 with the SHA instructions of x86. One stream leaves them idle for most of the time,
 * since each waits for the one before; so up to four blocks are hashed in step. */
#include <immintrin.h>

#include "hash/hash_priv.h"

#define TARGET_FN __attribute__((target("sha,sse4.1")))
#define INLINE	  static inline __attribute__((always_inline, target("sha,sse4.1")))

enum { LANES_MAX = 4 };

/* The order of the words that the instructions want, a in the highest place. */
struct state {
	__m128i abef, cdgh;
};

INLINE __m128i load(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

INLINE void load_message(__m128i m[4], const uint8_t *p)
{
	const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);

	CFS_UNROLL
	for (size_t i = 0; i < 4; i++)
		m[i] = _mm_shuffle_epi8(load(p + 16 * i), big_endian);
}

/* Four rounds with m[i], a part of the next 16 words of the message schedule. Unless they are among
 * the last 16 rounds, it becomes the words that follow those of the other three. */
INLINE void rounds_4(struct state *s, __m128i m[4], size_t i, __m128i k, bool last)
{
	__m128i wk = _mm_add_epi32(m[i], k);

	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
	if (last)
		return;
	m[i] = _mm_sha256msg1_epu32(m[i], m[(i + 1) & 3]);
	m[i] = _mm_add_epi32(m[i], _mm_alignr_epi8(m[(i + 3) & 3], m[(i + 2) & 3], 4));
	m[i] = _mm_sha256msg2_epu32(m[i], m[(i + 3) & 3]);
}

/* Takes n_blocks input blocks at p[lane] into each of n_lanes states, a constant. */
INLINE void compress(struct state *states, size_t n_lanes, const uint8_t *const *p,
		     size_t n_blocks)
{
	struct state s[LANES_MAX];
	__m128i m[LANES_MAX][4];

	CFS_UNROLL
	for (size_t lane = 0; lane < n_lanes; lane++)
		s[lane] = states[lane];
	for (size_t off = 0; off < n_blocks * SHA256_BLOCK; off += SHA256_BLOCK) {
		struct state old[LANES_MAX];

		CFS_UNROLL
		for (size_t lane = 0; lane < n_lanes; lane++) {
			old[lane] = s[lane];
			load_message(m[lane], p[lane] + off);
		}
		CFS_UNROLL
		for (size_t r = 0; r < 16; r++) {
			__m128i k = load(cfs_sha256_k + 4 * r);

			CFS_UNROLL
			for (size_t lane = 0; lane < n_lanes; lane++)
				rounds_4(&s[lane], m[lane], r & 3, k, r >= 12);
		}
		CFS_UNROLL
		for (size_t lane = 0; lane < n_lanes; lane++) {
			s[lane].abef = _mm_add_epi32(s[lane].abef, old[lane].abef);
			s[lane].cdgh = _mm_add_epi32(s[lane].cdgh, old[lane].cdgh);
		}
	}
	CFS_UNROLL
	for (size_t lane = 0; lane < n_lanes; lane++)
		states[lane] = s[lane];
}

INLINE void state_init(struct state *s, const uint32_t words[8])
{
	__m128i dcba = load(words), hgfe = load(words + 4);
	__m128i cdab = _mm_shuffle_epi32(dcba, 0xb1);
	__m128i efgh = _mm_shuffle_epi32(hgfe, 0x1b);

	s->abef = _mm_alignr_epi8(cdab, efgh, 8);
	s->cdgh = _mm_blend_epi16(efgh, cdab, 0xf0);
}

INLINE void state_words(const struct state *s, uint32_t words[8])
{
	__m128i feba = _mm_shuffle_epi32(s->abef, 0x1b);
	__m128i dchg = _mm_shuffle_epi32(s->cdgh, 0xb1);

	_mm_storeu_si128((__m128i *)words, _mm_blend_epi16(feba, dchg, 0xf0));
	_mm_storeu_si128((__m128i *)(words + 4), _mm_alignr_epi8(dchg, feba, 8));
}

typedef void (*compress_fn)(struct state *s, const uint8_t *const *p, size_t n_blocks);

TARGET_FN static void compress_1(struct state *s, const uint8_t *const *p,
				 size_t n_blocks)
{
	compress(s, 1, p, n_blocks);
}

TARGET_FN static void compress_2(struct state *s, const uint8_t *const *p,
				 size_t n_blocks)
{
	compress(s, 2, p, n_blocks);
}

TARGET_FN static void compress_4(struct state *s, const uint8_t *const *p,
				 size_t n_blocks)
{
	compress(s, 4, p, n_blocks);
}

TARGET_FN void cfs_sha256_compress_ni(void *state, const uint8_t *p, size_t n_blocks)
{
	struct state s;

	state_init(&s, state);
	compress_1(&s, &p, n_blocks);
	state_words(&s, state);
}

/* Hashes n of 1 to LANES_MAX blocks. */
TARGET_FN static void hash_lanes(const uint8_t *blocks, size_t block_len, size_t n,
				 uint8_t *out)
{
	/* Four lanes for three blocks, the last of which repeats the third for nobody, are
	 * faster than two lanes and one. */
	static const compress_fn fns[] = {compress_1, compress_2, compress_4, compress_4};
	const uint8_t *p[LANES_MAX], *pads[LANES_MAX];
	uint8_t pad[SHA256_BLOCK];
	struct state s[LANES_MAX];
	uint32_t words[8];

	cfs_hash_pad_block(pad, sizeof(pad), block_len);
	for (size_t lane = 0; lane < LANES_MAX; lane++) {
		p[lane] = blocks + (lane < n ? lane : n - 1) * block_len;
		pads[lane] = pad;
		state_init(&s[lane], cfs_sha256_init);
	}
	fns[n - 1](s, p, block_len / SHA256_BLOCK);
	fns[n - 1](s, pads, 1);
	for (size_t lane = 0; lane < n; lane++) {
		state_words(&s[lane], words);
		cfs_sha256_put(words, out + lane * CFS_SHA256_LEN);
	}
}

void cfs_sha256_blocks_ni(const uint8_t *blocks, size_t block_len, size_t n, uint8_t *out)
{
	while (n) {
		size_t now = n < LANES_MAX ? n : LANES_MAX;

		hash_lanes(blocks, block_len, now, out);
		blocks += now * block_len;
		out += now * CFS_SHA256_LEN;
		n -= now;
	}
}
