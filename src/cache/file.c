/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The file of a cache: parsed as untrusted input, and encoded. */
#include <errno.h>
#include <inttypes.h>

#include "cache/cache_priv.h"

const char cfs_cache_magic[CACHE_MAGIC_LEN + 1] = "composefs cache\n";

size_t cfs_cache_entry_len(enum cfs_hash_alg alg)
{
	return CACHE_DIGEST_OFF + cfs_hash_len(alg);
}

uint64_t cfs_cache_max_len(enum cfs_hash_alg alg)
{
	return CACHE_HEADER_LEN + (uint64_t)CACHE_MAX_ENTRIES * cfs_cache_entry_len(alg) +
	       CACHE_SUM_LEN;
}

/* The file can be of another version, or be named by mistake: nothing of it is used
 * then. */
static int check_cache_header(struct cfs_span header, enum cfs_hash_alg alg,
			      struct cfs_err *err)
{
	uint32_t version = cfs_le32(header.p + CACHE_VERSION_OFF);
	uint32_t found = cfs_le32(header.p + CACHE_ALG_OFF);

	if (memcmp(header.p, cfs_cache_magic, CACHE_MAGIC_LEN) != 0)
		return cfs_fail(err, EUCLEAN,
				"expected a digest cache, got another kind of file");
	if (version != CACHE_VERSION)
		return cfs_fail(err, EUCLEAN, "expected version %d, got %" PRIu32,
				(int)CACHE_VERSION, version);
	if (found != (uint32_t)alg)
		return cfs_fail(err, EUCLEAN,
				"expected digests of %s, got algorithm %" PRIu32,
				cfs_hash_name(alg), found);
	return 0;
}

/* A cache is trusted for digests, so a file that a crash or a bad disk changed is not
 * used. It is no protection against an attacker: check_cache_owner() is. */
static int check_cache_sum(struct cfs_span bytes, struct cfs_span sum,
			   struct cfs_err *err)
{
	struct cfs_digest want;
	int rc = cfs_verity_digest_mem(CFS_SHA256, bytes, &want, err);

	if (rc < 0)
		return rc;
	if (memcmp(want.bytes, sum.p, CACHE_SUM_LEN) != 0)
		return cfs_fail(
			err, EUCLEAN,
			"damaged: expected the checksum of the content, got another");
	return 0;
}

static const uint8_t *entry_at(const struct cache_table *t, size_t i)
{
	return t->entries.p + i * t->entry_len;
}

static int check_order(const struct cache_table *t, struct cfs_err *err)
{
	for (size_t i = 1; i < t->n_entries; i++)
		if (cfs_le64(entry_at(t, i - 1)) >= cfs_le64(entry_at(t, i)))
			return cfs_fail(err, EUCLEAN,
					"damaged: entry %zu is out of order", i);
	return 0;
}

/* Header, entries, trailer, and not a byte more. */
static int split_file(struct cfs_span bytes, struct cache_table *t, struct cfs_span *sum,
		      struct cfs_err *err)
{
	uint64_t n = cfs_le64(bytes.p + CACHE_COUNT_OFF), len, end;

	if (!cfs_mul(n, t->entry_len, &len) || !cfs_add(CACHE_HEADER_LEN, len, &end) ||
	    !cfs_span_sub(bytes, CACHE_HEADER_LEN, len, &t->entries) ||
	    !cfs_span_sub(bytes, end, CACHE_SUM_LEN, sum) ||
	    end + CACHE_SUM_LEN != bytes.len)
		return cfs_fail(err, EUCLEAN,
				"damaged: %" PRIu64 " entries do not make %zu bytes", n,
				bytes.len);
	t->n_entries = (size_t)n;
	return 0;
}

/* *out borrows from bytes and is set only if all checks pass. The checksum finds a file
 * that was cut off or damaged; it does not stop an attacker, the owner check does. */
int cfs_cache_parse(struct cfs_span bytes, enum cfs_hash_alg alg, struct cache_table *out,
		    struct cfs_err *err)
{
	struct cache_table t = {.entry_len = cfs_cache_entry_len(alg)};
	struct cfs_span header, sum;
	int rc;

	if (!cfs_span_sub(bytes, 0, CACHE_HEADER_LEN, &header))
		return cfs_fail(err, EUCLEAN, "damaged: cut off in the header");
	rc = check_cache_header(header, alg, err);
	if (rc == 0)
		rc = split_file(bytes, &t, &sum, err);
	if (rc == 0)
		rc = check_cache_sum(
			(struct cfs_span){bytes.p, bytes.len - CACHE_SUM_LEN}, sum, err);
	if (rc == 0)
		rc = check_order(&t, err);
	if (rc < 0)
		return rc;
	t.dev = cfs_le64(header.p + CACHE_DEV_OFF);
	*out = t;
	return 0;
}

const uint8_t *cfs_cache_lookup(const struct cache_table *t, uint64_t ino)
{
	size_t low = 0, high = t->n_entries;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		uint64_t found = cfs_le64(entry_at(t, mid));

		if (found == ino)
			return entry_at(t, mid);
		if (found < ino)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

void cfs_cache_encode_key(const struct stat *st, uint8_t out[CACHE_DIGEST_OFF])
{
	cfs_put_le64(out, st->st_ino);
	cfs_put_le64(out + CACHE_SIZE_OFF, (uint64_t)st->st_size);
	cfs_put_le64(out + CACHE_MTIME_OFF, (uint64_t)st->st_mtim.tv_sec);
	cfs_put_le64(out + CACHE_CTIME_OFF, (uint64_t)st->st_ctim.tv_sec);
	cfs_put_le32(out + CACHE_MTIME_NSEC_OFF, (uint32_t)st->st_mtim.tv_nsec);
	cfs_put_le32(out + CACHE_CTIME_NSEC_OFF, (uint32_t)st->st_ctim.tv_nsec);
}

static int by_inode(const void *a, const void *b)
{
	uint64_t x = cfs_le64(a), y = cfs_le64(b);

	return x < y ? -1 : x > y;
}

/* An inode has several entries where a mount shows it twice. Returns how many remain. */
static size_t drop_repeated_inodes(uint8_t *entries, size_t n, size_t entry_len)
{
	size_t kept = n ? 1 : 0;

	for (size_t i = 1; i < n; i++) {
		const uint8_t *from = entries + i * entry_len;
		uint8_t *to = entries + kept * entry_len;

		if (by_inode(from, to - entry_len) == 0)
			continue;
		if (to != from)
			memcpy(to, from, entry_len);
		kept++;
	}
	return kept;
}

size_t cfs_cache_finish_file(uint8_t *bytes, size_t n, enum cfs_hash_alg alg,
			     uint64_t dev)
{
	size_t entry_len = cfs_cache_entry_len(alg);
	uint8_t *entries = bytes + CACHE_HEADER_LEN;

	if (n)
		qsort(entries, n, entry_len, by_inode);
	n = drop_repeated_inodes(entries, n, entry_len);
	memcpy(bytes, cfs_cache_magic, CACHE_MAGIC_LEN);
	cfs_put_le32(bytes + CACHE_VERSION_OFF, CACHE_VERSION);
	cfs_put_le32(bytes + CACHE_ALG_OFF, (uint32_t)alg);
	cfs_put_le64(bytes + CACHE_COUNT_OFF, n);
	cfs_put_le64(bytes + CACHE_DEV_OFF, dev);
	return CACHE_HEADER_LEN + n * entry_len;
}
