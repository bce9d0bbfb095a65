/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: SHA-256 of 16 blocks at once in AVX-512. */
#define SHA2_BITS 256
#define LANES	  16
#define TARGET	  "avx512f,avx512bw"
#define BLOCKS_FN cfs_sha256_blocks_avx512
#include "hash/lanes.inc"
