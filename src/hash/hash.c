/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* hash: digests of streams and of batches of blocks, with the fastest implementation for
 * this CPU. */
#include "hash/hash.h"

#include <stdatomic.h>

#include "hash/hash_priv.h"

const char *cfs_hash_name(enum cfs_hash_alg alg)
{
	return alg == CFS_SHA512 ? "sha512" : "sha256";
}

const struct cfs_hash_kernel *cfs_hash_get_kernel(size_t i)
{
	return cfs_hash_kernels[i].name ? &cfs_hash_kernels[i] : NULL;
}

static const struct cfs_hash_kernel *choose_kernel(enum cfs_hash_alg alg)
{
	const struct cfs_hash_kernel *k = cfs_hash_kernels;

	while (k->alg != alg || !k->usable())
		k++;
	return k;
}

/* Caches the choice, in the only mutable global of this room: CPUID traps to the
 * hypervisor in a virtual machine, which takes many microseconds. Threads may choose at
 * the same time; each stores the same constant. */
static const struct cfs_hash_kernel *get_kernel(enum cfs_hash_alg alg)
{
	static const struct cfs_hash_kernel *_Atomic chosen[CFS_SHA512 + 1];
	const struct cfs_hash_kernel *k =
		atomic_load_explicit(&chosen[alg], memory_order_relaxed);

	if (!k) {
		k = choose_kernel(alg);
		atomic_store_explicit(&chosen[alg], k, memory_order_relaxed);
	}
	return k;
}

void cfs_hash_init(struct cfs_hash *h, enum cfs_hash_alg alg)
{
	h->alg = alg;
	h->total = 0;
	if (alg == CFS_SHA512)
		memcpy(h->state.h64, cfs_sha512_init, sizeof(cfs_sha512_init));
	else
		memcpy(h->state.h32, cfs_sha256_init, sizeof(cfs_sha256_init));
}

void cfs_hash_update(struct cfs_hash *h, const void *p, size_t len)
{
	size_t block = cfs_hash_block(h->alg), have = h->total % block, n;
	const struct cfs_hash_kernel *k = get_kernel(h->alg);
	const uint8_t *from = p;

	if (len == 0)
		return;
	h->total += len;
	if (have) {
		n = len < block - have ? len : block - have;
		memcpy(h->block + have, from, n);
		from += n;
		len -= n;
		if (have + n < block)
			return;
		k->compress(&h->state, h->block, 1);
	}
	n = len / block;
	k->compress(&h->state, from, n);
	memcpy(h->block, from + n * block, len - n * block);
}

void cfs_hash_final(struct cfs_hash *h, uint8_t *out)
{
	size_t block = cfs_hash_block(h->alg), have = h->total % block;
	const struct cfs_hash_kernel *k = get_kernel(h->alg);

	h->block[have++] = 0x80;
	/* The length field takes an eighth of the block; its upper half is zero here. */
	if (have > block - block / 8) {
		memset(h->block + have, 0, block - have);
		k->compress(&h->state, h->block, 1);
		have = 0;
	}
	memset(h->block + have, 0, block - have);
	cfs_put_be64(h->block + block - 8, h->total * 8);
	k->compress(&h->state, h->block, 1);
	if (h->alg == CFS_SHA512)
		cfs_sha512_put(h->state.h64, out);
	else
		cfs_sha256_put(h->state.h32, out);
}

void cfs_hash_blocks(enum cfs_hash_alg alg, const uint8_t *blocks, size_t block_len,
		     size_t n, uint8_t *out)
{
	get_kernel(alg)->blocks(blocks, block_len, n, out);
}
