/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-256 with the SHA instructions of x86. In one stream each instruction waits
 * for the one before, so the unit is idle half of the time. Up to three blocks are
 * therefore hashed in parallel. Four or more do not fit into the registers and are
 * slower. */
#include <immintrin.h>

#include "hash/hash_priv.h"

#define TARGET_FN __attribute__((target("sha,sse4.1")))
#define INLINE	  static inline __attribute__((always_inline, target("sha,sse4.1")))

enum { LANES_MAX = 3 };

/* The order of words that the instructions expect, with a in the highest place. */
struct state {
	__m128i abef, cdgh;
};

INLINE __m128i load_unaligned(const void *p)
{
	return _mm_loadu_si128((const __m128i *)p);
}

/* Loads words of the message: 16 bytes, big-endian. */
INLINE __m128i load_words(const uint8_t *p)
{
	return _mm_shuffle_epi8(load_unaligned(p),
				_mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203));
}

/* Does the four rounds that begin at 4 * r, with the message words in m[r & 3]. Also
 * finishes the message words of the next four rounds, and starts those of the rounds 12
 * to 15 after these. */
INLINE void rounds_4(struct state *s, __m128i m[4], size_t r, __m128i k)
{
	__m128i *now = &m[r & 3], *next = &m[(r + 1) & 3], *before = &m[(r + 3) & 3];
	__m128i wk = _mm_add_epi32(*now, k);

	s->cdgh = _mm_sha256rnds2_epu32(s->cdgh, s->abef, wk);
	if (r >= 3 && r < 15) {
		*next = _mm_add_epi32(*next, _mm_alignr_epi8(*now, *before, 4));
		*next = _mm_sha256msg2_epu32(*next, *now);
	}
	s->abef = _mm_sha256rnds2_epu32(s->abef, s->cdgh, _mm_shuffle_epi32(wk, 0x0e));
	if (r >= 1 && r < 13)
		*before = _mm_sha256msg1_epu32(*before, *now);
}

/* Compresses the block at p[lane] + off into each of n_lanes states. n_lanes is a
 * compile-time constant. */
INLINE void compress_one(struct state *s, size_t n_lanes, const uint8_t *const *p,
			 size_t off)
{
	struct state old[LANES_MAX];
	__m128i m[LANES_MAX][4];

	CFS_UNROLL
	for (size_t lane = 0; lane < n_lanes; lane++)
		old[lane] = s[lane];
	CFS_UNROLL
	for (size_t r = 0; r < 16; r++) {
		__m128i k = load_unaligned(cfs_sha256_k + 4 * r);

		CFS_UNROLL
		for (size_t lane = 0; lane < n_lanes; lane++) {
			if (r < 4)
				m[lane][r] = load_words(p[lane] + off + 16 * r);
			rounds_4(&s[lane], m[lane], r, k);
			/* Emits no code, but keeps the lanes interleaved. Compilers
			 * otherwise move them one after another (2.5 instead of 4
			 * GB/s). */
			__asm__ volatile("" : "+x"(s[lane].abef));
		}
	}
	CFS_UNROLL
	for (size_t lane = 0; lane < n_lanes; lane++) {
		s[lane].abef = _mm_add_epi32(s[lane].abef, old[lane].abef);
		s[lane].cdgh = _mm_add_epi32(s[lane].cdgh, old[lane].cdgh);
	}
}

/* The same for n_blocks blocks. The states are copied, so that the compiler can keep them
 * in registers. */
INLINE void compress_blocks(struct state *states, size_t n_lanes, const uint8_t *const *p,
			    size_t n_blocks)
{
	struct state s[LANES_MAX];

	CFS_UNROLL
	for (size_t lane = 0; lane < n_lanes; lane++)
		s[lane] = states[lane];
	for (size_t off = 0; off < n_blocks * SHA256_BLOCK; off += SHA256_BLOCK)
		compress_one(s, n_lanes, p, off);
	CFS_UNROLL
	for (size_t lane = 0; lane < n_lanes; lane++)
		states[lane] = s[lane];
}

INLINE void state_init(struct state *s, const uint32_t words[8])
{
	__m128i dcba = load_unaligned(words), hgfe = load_unaligned(words + 4);
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
	compress_blocks(s, 1, p, n_blocks);
}

TARGET_FN static void compress_2(struct state *s, const uint8_t *const *p,
				 size_t n_blocks)
{
	compress_blocks(s, 2, p, n_blocks);
}

TARGET_FN static void compress_3(struct state *s, const uint8_t *const *p,
				 size_t n_blocks)
{
	compress_blocks(s, 3, p, n_blocks);
}

TARGET_FN void cfs_sha256_compress_ni(void *state, const uint8_t *p, size_t n_blocks)
{
	struct state s;

	state_init(&s, state);
	compress_1(&s, &p, n_blocks);
	state_words(&s, state);
}

/* Hashes n blocks, 1 to LANES_MAX. */
TARGET_FN static void hash_lanes(const uint8_t *blocks, size_t block_len, size_t n,
				 uint8_t *out)
{
	static const compress_fn fns[] = {compress_1, compress_2, compress_3};
	const uint8_t *p[LANES_MAX], *pads[LANES_MAX];
	uint8_t pad[SHA256_BLOCK];
	struct state s[LANES_MAX];
	uint32_t words[8];

	cfs_hash_pad_block(pad, sizeof(pad), block_len);
	for (size_t lane = 0; lane < n; lane++) {
		p[lane] = blocks + lane * block_len;
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
		/* The last four blocks are faster as 2 + 2 than as 3 + 1. */
		size_t now = n == 4 ? 2 : n < LANES_MAX ? n : LANES_MAX;

		hash_lanes(blocks, block_len, now, out);
		blocks += now * block_len;
		out += now * CFS_SHA256_LEN;
		n -= now;
	}
}
