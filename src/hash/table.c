/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: hashes for tables in memory, built on the folded 64 x 64 -> 128 bit product. Both
 * factors depend on the seed. An attacker who does not know the seed can neither make a
 * factor zero, which would discard the state, nor choose keys that collide.
 */
#include "hash/hash.h"

#include <sys/auxv.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Odd numbers without a pattern: the first 64 bits of the fractions of pi, e and sqrt(2).
 */
static const uint64_t secret[3] = {0x243F6A8885A308D3, 0xB7E151628AED2A6B,
				   0x6A09E667F3BCC909};

#ifdef __SIZEOF_INT128__
static uint64_t fold_product(uint64_t a, uint64_t b)
{
	__extension__ unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}
#else
static uint64_t fold_product(uint64_t a, uint64_t b)
{
	uint64_t al = (uint32_t)a, ah = a >> 32, bl = (uint32_t)b, bh = b >> 32;
	uint64_t mid = ah * bl + (al * bl >> 32), mid2 = al * bh + (uint32_t)mid;

	return a * b ^ (ah * bh + (mid >> 32) + (mid2 >> 32));
}
#endif

/* Loads a key of up to 16 bytes as two words that may overlap and contain every byte. */
static void load_short(const uint8_t *p, size_t len, uint64_t *a, uint64_t *b)
{
	*a = *b = 0;
	if (len >= 8) {
		*a = cfs_le64(p);
		*b = cfs_le64(p + len - 8);
	} else if (len >= 4) {
		*a = cfs_le32(p);
		*b = cfs_le32(p + len - 4);
	} else if (len) {
		*a = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
	}
}

uint64_t cfs_hash64(const void *p, size_t len, uint64_t seed)
{
	const uint8_t *from = p;
	uint64_t key = fold_product(seed ^ secret[0], secret[1]), acc = seed, a, b;

	if (len <= 16) {
		load_short(from, len, &a, &b);
	} else {
		size_t left = len;

		for (; left > 16; from += 16, left -= 16)
			acc = fold_product(cfs_le64(from) ^ acc,
					   cfs_le64(from + 8) ^ key);
		a = cfs_le64(from + left - 16);
		b = cfs_le64(from + left - 8);
	}
	return fold_product(secret[2] ^ len, fold_product(a ^ acc, b ^ key));
}

uint64_t cfs_hash_make_seed(void)
{
	const void *boot = (const void *)(uintptr_t)getauxval(AT_RANDOM);
	uint64_t seed = 0;

	/* The initrd must not wait for entropy, hence GRND_INSECURE (Linux 5.6). On an
	 * older kernel, or under a seccomp filter, the random bytes that the kernel
	 * passes at exec are used. The system call itself, because getrandom() of glibc
	 * 2.41 first maps memory for the vDSO in a way that the sandbox forbids. */
	if (syscall(SYS_getrandom, &seed, sizeof(seed), GRND_INSECURE) ==
	    (long)sizeof(seed))
		return seed;
	return boot ? cfs_le64(boot) : seed;
}
