/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: computes the Merkle tree and the descriptor of a stream in constant memory. */
#include "verity/verity.h"

#include <errno.h>

#include "verity/verity_priv.h"

enum {
	LOG_BLOCK = 12,
	DESCRIPTOR_SIZE_OFF = 8,
};

int cfs_verity_new(enum cfs_hash_alg alg, struct cfs_verity **out)
{
	size_t len = DATA_BATCH_LEN + (N_LEVELS - 1) * HASH_BATCH_LEN;
	struct cfs_verity *v = malloc(sizeof(*v) + len);
	uint8_t *buf;

	if (!v)
		return -ENOMEM;
	v->alg = alg;
	buf = v->buf;
	for (unsigned i = 0; i < N_LEVELS; i++) {
		v->level[i].buf = buf;
		v->level[i].cap = i ? HASH_BATCH_LEN : DATA_BATCH_LEN;
		buf += v->level[i].cap;
	}
	cfs_verity_reset(v);
	*out = v;
	return 0;
}

void cfs_verity_free(struct cfs_verity *v)
{
	free(v);
}

void cfs_verity_reset(struct cfs_verity *v)
{
	v->top = 0;
	v->size = 0;
	for (unsigned i = 0; i < N_LEVELS; i++)
		v->level[i].len = 0;
}

/* Hashes n whole blocks of a level and adds the hashes to the next level. */
static void hash_up(struct cfs_verity *v, unsigned level, const uint8_t *blocks, size_t n)
{
	uint8_t hashes[DATA_BATCH * CFS_HASH_MAX_LEN];

	while (n) {
		size_t now = n < DATA_BATCH ? n : DATA_BATCH;

		cfs_hash_blocks(v->alg, blocks, CFS_VERITY_BLOCK, now, hashes);
		cfs_verity_push(v, level + 1, hashes, now * cfs_hash_len(v->alg));
		blocks += now * CFS_VERITY_BLOCK;
		n -= now;
	}
}

void cfs_verity_add_filled(struct cfs_verity *v, unsigned level, size_t len)
{
	struct level *l = &v->level[level];

	l->len += len;
	if (l->len < l->cap)
		return;
	l->len = 0;
	hash_up(v, level, l->buf, l->cap / CFS_VERITY_BLOCK);
}

/* Adds up to len bytes to a level: into its buffer, or whole batches directly. Returns
 * the number of bytes taken. */
static size_t push_some(struct cfs_verity *v, unsigned level, const uint8_t *p,
			size_t len)
{
	struct level *l = &v->level[level];
	size_t room = l->cap - l->len;

	if (l->len == 0 && len >= l->cap) {
		len -= len % l->cap;
		hash_up(v, level, p, len / CFS_VERITY_BLOCK);
		return len;
	}
	if (len > room)
		len = room;
	memcpy(l->buf + l->len, p, len);
	cfs_verity_add_filled(v, level, len);
	return len;
}

void cfs_verity_push(struct cfs_verity *v, unsigned level, const uint8_t *p, size_t len)
{
	if (level > v->top)
		v->top = level;
	while (len) {
		size_t n = push_some(v, level, p, len);

		p += n;
		len -= n;
	}
}

void cfs_verity_update(struct cfs_verity *v, const void *p, size_t len)
{
	v->size += len;
	cfs_verity_push(v, 0, p, len);
}

/* Hashes the rest of a level. Its last block is padded with zeros. */
static void finish_level(struct cfs_verity *v, unsigned level)
{
	struct level *l = &v->level[level];

	hash_up(v, level, l->buf, cfs_verity_pad(l->buf, l->len));
	l->len = 0;
}

/* Stores the root hash: the hash of the only block of the highest level, which is the
 * only hash in the level above. */
static void store_root(struct cfs_verity *v, uint8_t *root)
{
	size_t hash_len = cfs_hash_len(v->alg);

	if (v->size == 0)
		return;
	for (unsigned i = 0; i < v->top || v->level[i].len > hash_len || i == 0; i++)
		finish_level(v, i);
	memcpy(root, v->level[v->top].buf, hash_len);
}

void cfs_verity_encode_descriptor(enum cfs_hash_alg alg, uint64_t size,
				  uint8_t d[DESCRIPTOR_LEN])
{
	memset(d, 0, DESCRIPTOR_LEN);
	d[0] = 1;
	d[1] = (uint8_t)alg;
	d[2] = LOG_BLOCK;
	cfs_put_le64(d + DESCRIPTOR_SIZE_OFF, size);
}

void cfs_verity_final(struct cfs_verity *v, struct cfs_digest *out)
{
	uint8_t d[DESCRIPTOR_LEN];

	memset(out, 0, sizeof(*out));
	out->alg = v->alg;
	cfs_verity_encode_descriptor(v->alg, v->size, d);
	store_root(v, d + DESCRIPTOR_ROOT_OFF);
	cfs_hash_blocks(v->alg, d, sizeof(d), 1, out->bytes);
}

uint64_t cfs_verity_get_size(const struct cfs_verity *v)
{
	return v->size;
}

static int sink_write(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	(void)err;
	cfs_verity_update(ctx, p, len);
	return 0;
}

struct cfs_sink cfs_verity_get_sink(struct cfs_verity *v)
{
	return (struct cfs_sink){sink_write, v};
}

int cfs_verity_digest_hashes(enum cfs_hash_alg alg, uint64_t size, struct cfs_span hashes,
			     struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_verity *v;

	if (cfs_verity_new(alg, &v) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	v->size = size;
	cfs_verity_push(v, 1, hashes.p, hashes.len);
	cfs_verity_final(v, out);
	cfs_verity_free(v);
	return 0;
}

int cfs_verity_digest_mem(enum cfs_hash_alg alg, struct cfs_span data,
			  struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_verity *v;

	if (cfs_verity_new(alg, &v) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_verity_update(v, data.p, data.len);
	cfs_verity_final(v, out);
	cfs_verity_free(v);
	return 0;
}
