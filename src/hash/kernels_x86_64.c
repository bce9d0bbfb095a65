/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: the implementations for x86-64, and the CPU features that they need, sorted by
 * the speed that bench/hash_bench measured on a fourth-generation AMD EPYC. */
#include "hash/hash_priv.h"

#include <cpuid.h>

enum {
	XCR0_YMM = 0x06, /* registers that the operating system saves */
	XCR0_ZMM = 0xe6,
};

static uint32_t leaf_1_ecx(void)
{
	uint32_t a, b, c = 0, d;

	__get_cpuid(1, &a, &b, &c, &d);
	return c;
}

static uint32_t leaf_7_ebx(void)
{
	uint32_t a, b = 0, c, d;

	__get_cpuid_count(7, 0, &a, &b, &c, &d);
	return b;
}

static bool os_saves_registers(uint32_t parts)
{
	uint32_t low, high;

	if (!(leaf_1_ecx() & bit_OSXSAVE))
		return false;
	__asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return (low & parts) == parts;
}

static bool has_sha_ni(void)
{
	return leaf_7_ebx() & bit_SHA && leaf_1_ecx() & bit_SSE4_1;
}

static bool has_avx2(void)
{
	return leaf_7_ebx() & bit_AVX2 && os_saves_registers(XCR0_YMM);
}

static bool has_avx512(void)
{
	const uint32_t want = bit_AVX512F | bit_AVX512BW;

	return (leaf_7_ebx() & want) == want && os_saves_registers(XCR0_ZMM);
}

const struct cfs_hash_kernel cfs_hash_kernels[] = {
	{"sha-ni", CFS_SHA256, has_sha_ni, cfs_sha256_compress_ni, cfs_sha256_blocks_ni},
	{"avx512", CFS_SHA256, has_avx512, cfs_sha256_compress, cfs_sha256_blocks_avx512},
	{"avx2", CFS_SHA256, has_avx2, cfs_sha256_compress, cfs_sha256_blocks_avx2},
	{"portable", CFS_SHA256, cfs_hash_is_always_usable, cfs_sha256_compress,
	 cfs_sha256_blocks},
	{"avx512", CFS_SHA512, has_avx512, cfs_sha512_compress, cfs_sha512_blocks_avx512},
	{"avx2", CFS_SHA512, has_avx2, cfs_sha512_compress, cfs_sha512_blocks_avx2},
	{"portable", CFS_SHA512, cfs_hash_is_always_usable, cfs_sha512_compress,
	 cfs_sha512_blocks},
	{.name = NULL},
};
