/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: the implementations for an architecture without special instructions. */
#include "hash/hash_priv.h"

const struct cfs_hash_kernel cfs_hash_kernels[] = {
	{"portable", CFS_SHA256, cfs_hash_is_always_usable, cfs_sha256_compress,
	 cfs_sha256_blocks},
	{"portable", CFS_SHA512, cfs_hash_is_always_usable, cfs_sha512_compress,
	 cfs_sha512_blocks},
	{.name = NULL},
};
