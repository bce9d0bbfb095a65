/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: XXH32. Source: the xxHash specification (doc/xxhash_spec.md of xxHash). */
#include "hash/hash.h"

enum {
	STRIPE = 16, /* bytes, four lanes */
};

static const uint32_t prime[6] = {0,	      0x9E3779B1, 0x85EBCA77,
				  0xC2B2AE3D, 0x27D4EB2F, 0x165667B1};

static uint32_t rotate_left(uint32_t x, unsigned n)
{
	return x << n | x >> (32 - n);
}

static uint32_t lane_round(uint32_t acc, uint32_t word)
{
	return rotate_left(acc + word * prime[2], 13) * prime[1];
}

/* Hashes the whole stripes of *p. *p and *len then describe the rest, which is shorter
 * than a stripe. */
static uint32_t hash_stripes(const uint8_t **p, size_t *len, uint32_t seed)
{
	uint32_t acc[4] = {seed + prime[1] + prime[2], seed + prime[2], seed,
			   seed - prime[1]};

	for (; *len >= STRIPE; *p += STRIPE, *len -= STRIPE)
		for (size_t i = 0; i < 4; i++)
			acc[i] = lane_round(acc[i], cfs_le32(*p + 4 * i));
	return rotate_left(acc[0], 1) + rotate_left(acc[1], 7) + rotate_left(acc[2], 12) +
	       rotate_left(acc[3], 18);
}

static uint32_t mix_bits(uint32_t acc)
{
	acc = (acc ^ acc >> 15) * prime[2];
	acc = (acc ^ acc >> 13) * prime[3];
	return acc ^ acc >> 16;
}

uint32_t cfs_xxh32(const void *p, size_t len, uint32_t seed)
{
	uint32_t total = (uint32_t)len, acc;
	const uint8_t *from = p;

	acc = len < STRIPE ? seed + prime[5] : hash_stripes(&from, &len, seed);
	acc += total;
	for (; len >= 4; from += 4, len -= 4)
		acc = rotate_left(acc + cfs_le32(from) * prime[3], 17) * prime[4];
	for (; len; from++, len--)
		acc = rotate_left(acc + *from * prime[5], 11) * prime[1];
	return mix_bits(acc);
}
