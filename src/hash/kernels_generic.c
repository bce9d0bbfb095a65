/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: the kernels of an architecture that has no special ones. */
#include "hash/hash_priv.h"

const struct cfs_hash_kernel cfs_hash_kernels[] = {
	{"portable", CFS_SHA256, cfs_hash_always, cfs_sha256_compress, cfs_sha256_blocks},
	{"portable", CFS_SHA512, cfs_hash_always, cfs_sha512_compress, cfs_sha512_blocks},
	{.name = NULL},
};
