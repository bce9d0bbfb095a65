/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: digests of many small files, hashed together. Their blocks lie one behind another in the
 * buffer of level 0 of a stream, whose other buffers take what is above: a small file has at
 * most one block of hashes, and a descriptor. */
#include "verity/verity.h"

#include <assert.h>
#include <errno.h>

#include "verity/verity_priv.h"

enum {
	/* A file of more blocks than this fills the kernels alone. Fewer than there are hashes in
	 * a block. */
	SMALL_BLOCKS = 16,
	SMALL_LEN = SMALL_BLOCKS * CFS_VERITY_BLOCK,
	MAX_FILES = DATA_BATCH,
	MAX_TREES = HASH_BATCH,
};

struct file {
	struct cfs_digest *out;
	uint64_t size;
};

struct cfs_verity_batch {
	struct cfs_verity *v;
	const struct cfs_watch *watch;
	size_t n_files, n_blocks;
	size_t n_trees; /* files of more than one block */
	struct file file[MAX_FILES];
};

static_assert(MAX_FILES * DESCRIPTOR_LEN <= HASH_BATCH_LEN,
	      "descriptors fit into a level");

int cfs_verity_batch_new(enum cfs_hash_alg alg, const struct cfs_watch *watch,
			 struct cfs_verity_batch **out)
{
	struct cfs_verity_batch *b = calloc(1, sizeof(*b));

	if (!b)
		return -ENOMEM;
	if (cfs_verity_new(alg, &b->v) < 0) {
		free(b);
		return -ENOMEM;
	}
	b->watch = watch;
	*out = b;
	return 0;
}

void cfs_verity_batch_free(struct cfs_verity_batch *b)
{
	if (!b)
		return;
	cfs_verity_free(b->v);
	free(b);
}

static size_t blocks_of(uint64_t size)
{
	return (size_t)((size + CFS_VERITY_BLOCK - 1) / CFS_VERITY_BLOCK);
}

/* Finds where the root hash of each file is, or will be: among the hashes of the data, of which
 * hashes holds all, or on top of a block of these, made here and to be hashed into tops. */
static void find_roots(struct cfs_verity_batch *b, const uint8_t *hashes,
		       const uint8_t *tops, const uint8_t **roots)
{
	size_t hash_len = cfs_hash_len(b->v->alg);
	uint8_t *tree = b->v->level[1].buf;

	for (size_t i = 0; i < b->n_files; i++) {
		size_t len = blocks_of(b->file[i].size) * hash_len;

		roots[i] = hashes;
		if (len > hash_len) {
			memcpy(tree, hashes, len);
			cfs_verity_pad(tree, len);
			tree += CFS_VERITY_BLOCK;
			roots[i] = tops;
			tops += hash_len;
		}
		hashes += len;
	}
}

static void put_digests(struct cfs_verity_batch *b, const uint8_t *const *roots)
{
	uint8_t hashes[MAX_FILES * CFS_HASH_MAX_LEN], *d = b->v->level[2].buf;
	enum cfs_hash_alg alg = b->v->alg;
	size_t hash_len = cfs_hash_len(alg);

	for (size_t i = 0; i < b->n_files; i++) {
		uint8_t *to = d + i * DESCRIPTOR_LEN;

		cfs_verity_descriptor(alg, b->file[i].size, to);
		if (b->file[i].size)
			memcpy(to + DESCRIPTOR_ROOT_OFF, roots[i], hash_len);
	}
	cfs_hash_blocks(alg, d, DESCRIPTOR_LEN, b->n_files, hashes);
	for (size_t i = 0; i < b->n_files; i++) {
		struct cfs_digest *out = b->file[i].out;

		*out = (struct cfs_digest){.alg = alg};
		memcpy(out->bytes, hashes + i * hash_len, hash_len);
	}
}

void cfs_verity_batch_flush(struct cfs_verity_batch *b)
{
	uint8_t hashes[DATA_BATCH * CFS_HASH_MAX_LEN], tops[MAX_TREES * CFS_HASH_MAX_LEN];
	const uint8_t *roots[MAX_FILES];
	struct cfs_verity *v = b->v;

	cfs_hash_blocks(v->alg, v->level[0].buf, CFS_VERITY_BLOCK, b->n_blocks, hashes);
	find_roots(b, hashes, tops, roots);
	cfs_hash_blocks(v->alg, v->level[1].buf, CFS_VERITY_BLOCK, b->n_trees, tops);
	put_digests(b, roots);
	b->n_files = b->n_blocks = b->n_trees = 0;
}

/* Reads a file of about the expected size. When one read gives exactly that, although it asked for
 * more, the end was seen as well. Returns room when the file does not fit. */
static ssize_t read_small(int fd, uint8_t *to, size_t room, size_t expected)
{
	ssize_t n = pread(fd, to, expected + 1, 0);

	return n == (ssize_t)expected ? n : cfs_io_pread(fd, to, room, 0, NULL);
}

/* Takes a file into the batch. False, and nothing is changed, when it is not small. */
static bool add_small(struct cfs_verity_batch *b, int fd, uint64_t expected,
		      struct cfs_digest *out, uint64_t *size_out)
{
	uint8_t *to = b->v->level[0].buf + b->n_blocks * CFS_VERITY_BLOCK;
	ssize_t n;

	if (expected >= SMALL_LEN)
		return false;
	n = read_small(fd, to, SMALL_LEN, (size_t)expected);
	if (n < 0 || n == SMALL_LEN)
		return false;
	*size_out = (size_t)n;
	b->file[b->n_files++] = (struct file){out, (size_t)n};
	b->n_blocks += cfs_verity_pad(to, (size_t)n);
	b->n_trees += n > CFS_VERITY_BLOCK;
	return true;
}

static bool is_full(const struct cfs_verity_batch *b)
{
	return b->n_files == MAX_FILES || b->n_trees == MAX_TREES ||
	       b->n_blocks + SMALL_BLOCKS > DATA_BATCH;
}

int cfs_verity_batch_add(struct cfs_verity_batch *b, int fd, uint64_t expected,
			 struct cfs_digest *out, uint64_t *size_out, struct cfs_err *err)
{
	int rc;

	if (is_full(b))
		cfs_verity_batch_flush(b);
	if (add_small(b, fd, expected, out, size_out))
		return 0;
	cfs_verity_batch_flush(b);
	cfs_verity_reset(b->v);
	rc = cfs_verity_update_fd(b->v, fd, b->watch, err);
	if (rc < 0)
		return rc;
	*size_out = b->v->size;
	cfs_verity_final(b->v, out);
	return 0;
}
