/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The two algorithms, their names and the lengths of their digests. */
#ifndef CFS_HASH_ALG_H
#define CFS_HASH_ALG_H

#include <stddef.h>

/* The numbers of fs-verity (FS_VERITY_HASH_ALG_*), as stored in images and
 * descriptors. */
enum cfs_hash_alg {
	CFS_SHA256 = 1,
	CFS_SHA512 = 2,
};

enum {
	CFS_SHA256_LEN = 32,
	CFS_SHA512_LEN = 64,
	CFS_HASH_MAX_LEN = 64,
};

static inline size_t cfs_hash_len(enum cfs_hash_alg alg)
{
	return alg == CFS_SHA512 ? CFS_SHA512_LEN : CFS_SHA256_LEN;
}

/* "sha256" or "sha512". */
const char *cfs_hash_name(enum cfs_hash_alg alg);

#endif
