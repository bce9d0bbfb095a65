/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: the implementations for aarch64, and the CPU features that they need. */
#include "hash/hash_priv.h"

#include <asm/hwcap.h>
#include <sys/auxv.h>

static bool has_sha2(void)
{
	return getauxval(AT_HWCAP) & HWCAP_SHA2;
}

const struct cfs_hash_kernel cfs_hash_kernels[] = {
	{"sha2", CFS_SHA256, has_sha2, cfs_sha256_compress_arm, cfs_sha256_blocks_arm},
	{"portable", CFS_SHA256, cfs_hash_is_always_usable, cfs_sha256_compress,
	 cfs_sha256_blocks},
	{"portable", CFS_SHA512, cfs_hash_is_always_usable, cfs_sha512_compress,
	 cfs_sha512_blocks},
	{.name = NULL},
};
