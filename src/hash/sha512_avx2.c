/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-512 of 4 blocks at once in AVX2. */
#define SHA2_BITS 512
#define LANES	  4
#define TARGET	  "avx2"
#define BLOCKS_FN cfs_sha512_blocks_avx2
#include "hash/lanes.inc"
