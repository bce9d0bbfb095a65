/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: digests of many small files, hashed together. Their blocks are stored one after
 * another in the level 0 buffer of a stream. The buffers of the levels above hold the
 * hash block of each file (a small file has at most one) and the descriptors. */
#include "verity/verity.h"

#include <assert.h>
#include <errno.h>

#include "verity/verity_priv.h"

enum {
	/* A larger file has enough blocks for all lanes by itself. Less than the number
	 * of hashes in a block. */
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

static size_t count_data_blocks(uint64_t size)
{
	return (size_t)((size + CFS_VERITY_BLOCK - 1) / CFS_VERITY_BLOCK);
}

/* Finds the root hash of each file. For a file of one block it is in hashes, the hashes
 * of the data. For a larger file a hash block is built here, and its hash will be in
 * tops. */
static void find_roots(struct cfs_verity_batch *b, const uint8_t *hashes,
		       const uint8_t *tops, const uint8_t **roots)
{
	size_t hash_len = cfs_hash_len(b->v->alg);
	uint8_t *tree = b->v->level[1].buf;

	for (size_t i = 0; i < b->n_files; i++) {
		size_t len = count_data_blocks(b->file[i].size) * hash_len;

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

/* Hashes the descriptors of all files at once: the hash function works on several
 * blocks in parallel. The buffer of level 2 is free at this point. */
static void compute_digests(struct cfs_verity_batch *b, const uint8_t *const *roots)
{
	uint8_t hashes[MAX_FILES * CFS_HASH_MAX_LEN], *d = b->v->level[2].buf;
	enum cfs_hash_alg alg = b->v->alg;
	size_t hash_len = cfs_hash_len(alg);

	for (size_t i = 0; i < b->n_files; i++) {
		uint8_t *to = d + i * DESCRIPTOR_LEN;

		cfs_verity_encode_descriptor(alg, b->file[i].size, to);
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
	compute_digests(b, roots);
	b->n_files = b->n_blocks = b->n_trees = 0;
}

/* Reads a file of about the expected size. If one read returns exactly that size although
 * it asked for one byte more, the end of the file was reached. Returns room if the file
 * does not fit. */
static ssize_t read_small_file(int fd, uint8_t *to, size_t room, size_t expected)
{
	ssize_t n = pread(fd, to, expected + 1, 0);

	return n == (ssize_t)expected ? n : cfs_io_pread(fd, to, room, 0, NULL);
}

/* Adds a small file to the batch. Returns false, and changes nothing, if the file is not
 * small. */
static bool add_small(struct cfs_verity_batch *b, int fd, uint64_t expected,
		      struct cfs_digest *out, uint64_t *size_out)
{
	uint8_t *to = b->v->level[0].buf + b->n_blocks * CFS_VERITY_BLOCK;
	ssize_t n;

	if (expected >= SMALL_LEN)
		return false;
	n = read_small_file(fd, to, SMALL_LEN, (size_t)expected);
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
