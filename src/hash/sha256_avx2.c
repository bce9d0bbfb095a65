/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-256 of 8 blocks at once in AVX2. */
#define SHA2_BITS 256
#define LANES	  8
#define TARGET	  "avx2"
#define BLOCKS_FN cfs_sha256_blocks_avx2
#include "hash/lanes.inc"
