/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-512 of 8 blocks at once in AVX-512. */
#define SHA2_BITS 512
#define LANES	  8
#define TARGET	  "avx512f,avx512bw"
#define BLOCKS_FN cfs_sha512_blocks_avx512
#include "hash/lanes.inc"
