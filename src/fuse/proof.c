/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The hashes of the blocks of objects that were opened. */
#include "fuse/proof.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash/hash.h"

enum { BUCKETS = 1 << 12, RUN = 48 /* blocks that are hashed together */ };

/* An object that was opened. hashes is set once and never changes. */
struct proof {
	struct cfs_digest id;
	uint64_t size;
	uint8_t *hashes; /* NULL: the object was damaged at every open so far */
	bool is_reported;
	struct proof *next;
};

struct cfs_fuse_proofs {
	struct cfs_fuse_verify how;
	pthread_mutex_t lock; /* of all that follows */
	struct proof *buckets[BUCKETS];
};

int cfs_fuse_proofs_new(const struct cfs_fuse_verify *how, struct cfs_fuse_proofs **out,
			struct cfs_err *err)
{
	struct cfs_fuse_proofs *proofs = calloc(1, sizeof(*proofs));

	*out = proofs;
	if (!proofs)
		return cfs_fail(err, ENOMEM, "out of memory");
	proofs->how = *how;
	pthread_mutex_init(&proofs->lock, NULL);
	return 0;
}

void cfs_fuse_proofs_free(struct cfs_fuse_proofs *proofs)
{
	for (size_t i = 0; proofs && i < BUCKETS; i++) {
		for (struct proof *p = proofs->buckets[i], *next; p; p = next) {
			next = p->next;
			free(p->hashes);
			free(p);
		}
	}
	if (proofs)
		pthread_mutex_destroy(&proofs->lock);
	free(proofs);
}

/* --- the table --------------------------------------------------------------------------- */

/* The entry of an object, made if it is missing. With the lock held. NULL: no memory. */
static struct proof *find_proof(struct cfs_fuse_proofs *proofs,
				const struct cfs_digest *id)
{
	struct proof **bucket, *p;
	uint32_t hash;

	memcpy(&hash, id->bytes, sizeof(hash)); /* of a digest: as good as a hash */
	bucket = &proofs->buckets[hash % BUCKETS];
	for (p = *bucket; p; p = p->next)
		if (cfs_digest_eq(&p->id, id))
			return p;
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	p->id = *id;
	p->next = *bucket;
	return *bucket = p;
}

/* A copy of the entry. hashes stays valid as long as proofs. */
static int get_proof(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
		     struct proof *out)
{
	const struct proof *p;

	pthread_mutex_lock(&proofs->lock);
	p = find_proof(proofs, id);
	if (p)
		*out = *p;
	pthread_mutex_unlock(&proofs->lock);
	return p ? 0 : -ENOMEM;
}

/* Takes over hashes. Another thread may have been faster. */
static void keep_hashes(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
			uint64_t size, uint8_t *hashes)
{
	struct proof *p;

	pthread_mutex_lock(&proofs->lock);
	p = find_proof(proofs, id);
	if (p && !p->hashes) {
		p->hashes = cfs_steal(&hashes);
		p->size = size;
		p->is_reported = false;
	}
	pthread_mutex_unlock(&proofs->lock);
	free(hashes);
}

/* Once for each object, until it was opened without an error. Returns -EIO. */
static int report_damage(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
			 const char *why)
{
	const struct cfs_fuse_verify *how = &proofs->how;
	char path[CFS_OBJECT_PATH_MAX], line[1024];
	struct proof *p;

	pthread_mutex_lock(&proofs->lock);
	p = find_proof(proofs, id);
	if (how->report && p && !p->is_reported) {
		p->is_reported = true;
		snprintf(line, sizeof(line), "%s: objects/%s: damaged: %s", how->name,
			 cfs_digest_path(id, path), why);
		how->report(how->report_ctx, line);
	}
	pthread_mutex_unlock(&proofs->lock);
	return -EIO;
}

/* --- hashes ------------------------------------------------------------------------------ */

/* Reads a run of blocks, pads the last one, and hashes them. Returns the bytes that were read, or -errno. */
static ssize_t hash_run(enum cfs_hash_alg alg, int fd, uint64_t off, uint8_t *blocks,
			uint8_t *hashes, struct cfs_err *err)
{
	ssize_t n = cfs_io_pread(fd, blocks, (size_t)RUN * CFS_VERITY_BLOCK, off, err);
	size_t n_blocks;

	if (n <= 0)
		return n;
	n_blocks = ((size_t)n + CFS_VERITY_BLOCK - 1) / CFS_VERITY_BLOCK;
	memset(blocks + n, 0, n_blocks * CFS_VERITY_BLOCK - (size_t)n);
	cfs_hash_blocks(alg, blocks, CFS_VERITY_BLOCK, n_blocks, hashes);
	return n;
}

/* Hashes all blocks of a file of that size. -EIO: it has another size. */
static int hash_object(enum cfs_hash_alg alg, int fd, uint64_t size, uint8_t *hashes,
		       struct cfs_err *err)
{
	cfs_autofree uint8_t *blocks = malloc((size_t)RUN * CFS_VERITY_BLOCK);
	uint64_t off = 0;

	if (!blocks)
		return cfs_fail(err, ENOMEM, "out of memory");
	while (off < size) {
		uint64_t left = size - off;
		uint64_t len = (uint64_t)RUN * CFS_VERITY_BLOCK;
		ssize_t n = hash_run(alg, fd, off, blocks, hashes, err);

		len = left < len ? left : len;
		if (n < 0)
			return (int)n;
		if ((uint64_t)n != len)
			return cfs_fail(err, EIO, "its size changes");
		off += len;
		hashes += (len + CFS_VERITY_BLOCK - 1) / CFS_VERITY_BLOCK *
			  cfs_hash_len(alg);
	}
	return 0;
}

/* Compares the digest of an object when it is first read; the hashes of its blocks are
 * kept for the later reads. */
static int prove_object(const struct cfs_digest *id, int fd, uint64_t size,
			uint8_t *hashes, size_t hashes_len, struct cfs_err *err)
{
	char expected[CFS_DIGEST_TEXT_MAX], got[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest found;
	int rc = hash_object(id->alg, fd, size, hashes, err);

	if (rc == 0)
		rc = cfs_verity_digest_hashes(id->alg, size,
					      (struct cfs_span){hashes, hashes_len},
					      &found, err);
	if (rc < 0 || cfs_digest_eq(id, &found))
		return rc;
	return cfs_fail(err, EILSEQ, "expected %s, got %s", cfs_digest_text(id, expected),
			cfs_digest_text(&found, got));
}

int cfs_fuse_proofs_open(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
			 int fd, uint64_t size)
{
	size_t len = (size / CFS_VERITY_BLOCK + (size % CFS_VERITY_BLOCK != 0)) *
		     cfs_hash_len(id->alg);
	struct cfs_err err = {""};
	struct proof proof;
	uint8_t *hashes;
	int rc = get_proof(proofs, id, &proof);

	if (rc < 0 || proof.hashes)
		return rc;
	hashes = malloc(len + 1); /* an empty object has none */
	if (!hashes)
		return -ENOMEM;
	rc = prove_object(id, fd, size, hashes, len, &err);
	if (rc == 0) {
		keep_hashes(proofs, id, size, hashes);
		return 0;
	}
	free(hashes);
	return rc == -ENOMEM ? rc : report_damage(proofs, id, err.msg);
}

/* --- reading ----------------------------------------------------------------------------- */

/* Reads one block, compares it, and copies the part that is wanted. */
static int read_proven_block(const struct proof *proof, int fd, uint64_t index,
			     uint8_t block[CFS_VERITY_BLOCK], struct cfs_err *err)
{
	uint64_t off = index * CFS_VERITY_BLOCK, left = proof->size - off;
	size_t hash_len = cfs_hash_len(proof->id.alg);
	size_t len = left < CFS_VERITY_BLOCK ? (size_t)left : CFS_VERITY_BLOCK;
	uint8_t hash[CFS_HASH_MAX_LEN];
	ssize_t n = cfs_io_pread(fd, block, len, off, err);

	if (n < 0)
		return (int)n;
	memset(block + n, 0, CFS_VERITY_BLOCK - (size_t)n);
	cfs_hash_blocks(proof->id.alg, block, CFS_VERITY_BLOCK, 1, hash);
	if ((size_t)n == len &&
	    memcmp(hash, proof->hashes + index * hash_len, hash_len) == 0)
		return 0;
	return cfs_fail(err, EILSEQ, "the block at %llu changed after it was opened",
			(unsigned long long)off);
}

ssize_t cfs_fuse_proofs_read(struct cfs_fuse_proofs *proofs, const struct cfs_digest *id,
			     int fd, uint64_t off, uint8_t *out, size_t len)
{
	uint8_t block[CFS_VERITY_BLOCK];
	struct cfs_err err = {""};
	struct proof proof;
	size_t done = 0;

	if (get_proof(proofs, id, &proof) < 0 || !proof.hashes)
		return -EIO;
	if (off >= proof.size)
		return 0;
	if (len > proof.size - off)
		len = (size_t)(proof.size - off);
	while (done < len) {
		size_t in_block = (size_t)((off + done) % CFS_VERITY_BLOCK);
		size_t n = CFS_VERITY_BLOCK - in_block;

		if (read_proven_block(&proof, fd, (off + done) / CFS_VERITY_BLOCK, block,
				      &err) < 0)
			return report_damage(proofs, id, err.msg);
		n = n < len - done ? n : len - done;
		memcpy(out + done, block + in_block, n);
		done += n;
	}
	return (ssize_t)done;
}
