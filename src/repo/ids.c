/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Sets of object ids. */
#include "repo/ids.h"

#include <errno.h>

enum {
	FRESH_MIN = 64 * 1024, /* IDs that are collected before they are merged */
	BUCKET_LEN = 8,	       /* IDs in a bucket of the sort, on average */
};

void cfs_ids_init(struct cfs_ids *ids, enum cfs_hash_alg alg)
{
	*ids = (struct cfs_ids){.alg = alg, .len = cfs_hash_len(alg)};
}

void cfs_ids_fini(struct cfs_ids *ids)
{
	free(ids->v);
	free(ids->fresh);
	ids->v = ids->fresh = NULL;
	ids->n = ids->cap = ids->n_fresh = ids->fresh_cap = 0;
}

static uint64_t get_first_bytes(const uint8_t *id)
{
	uint64_t first;

	memcpy(&first, id, sizeof(first));
	return be64toh(first);
}

/* The order of memcmp. Two digests nearly always differ in their first bytes. */
static int compare_raw_ids(const uint8_t *a, const uint8_t *b, size_t len)
{
	uint64_t x = get_first_bytes(a), y = get_first_bytes(b);

	if (x != y)
		return x < y ? -1 : 1;
	return memcmp(a, b, len);
}

/* Which of n buckets an ID belongs to; they are in the order of the IDs. */
static size_t get_bucket(const uint8_t *id, size_t n)
{
	return (size_t)(((unsigned __int128)get_first_bytes(id) * n) >> 64);
}

/* IDs are digests, spread evenly: the first bytes of one give its approximate
 * position. */
static size_t guess_index(const struct cfs_ids *ids, const uint8_t *id)
{
	return get_bucket(id, ids->n);
}

size_t cfs_ids_find(const struct cfs_ids *ids, const uint8_t *id)
{
	size_t low, high, step = 8;

	if (ids->n == 0)
		return 0;
	low = high = guess_index(ids, id);
	while (low > 0 && compare_raw_ids(ids->v + low * ids->len, id, ids->len) >= 0) {
		high = low;
		low = low > step ? low - step : 0;
		step *= 2;
	}
	while (high < ids->n &&
	       compare_raw_ids(ids->v + high * ids->len, id, ids->len) < 0) {
		low = high + 1;
		high = ids->n - high > step ? high + step : ids->n;
		step *= 2;
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare_raw_ids(ids->v + mid * ids->len, id, ids->len) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

bool cfs_ids_has(const struct cfs_ids *ids, const uint8_t *id)
{
	size_t i = cfs_ids_find(ids, id);

	return i < ids->n && memcmp(ids->v + i * ids->len, id, ids->len) == 0;
}

struct cfs_digest cfs_ids_get(const struct cfs_ids *ids, size_t i)
{
	struct cfs_digest d = {.alg = ids->alg};

	memcpy(d.bytes, ids->v + i * ids->len, ids->len);
	return d;
}

int cfs_ids_add(struct cfs_ids *ids, const uint8_t *id, struct cfs_err *err)
{
	int rc = 0;

	if (cfs_ids_has(ids, id))
		return 0;
	if (ids->n_fresh >= FRESH_MIN && ids->n_fresh >= ids->n / 2)
		rc = cfs_ids_settle(ids, err);
	if (rc < 0)
		return rc;
	if (cfs_grow(&ids->fresh, &ids->fresh_cap, ids->n_fresh + 1, ids->len) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	memcpy(ids->fresh + ids->n_fresh++ * ids->len, id, ids->len);
	return 0;
}

/* qsort_r cannot be interrupted. Once the watch is cancelled, all are equal: that ends it
 * soon. */
static int by_bytes(const void *a, const void *b, void *ctx)
{
	const struct cfs_ids *ids = ctx;

	return cfs_watch_is_cancelled(ids->watch) ? 0 : compare_raw_ids(a, b, ids->len);
}

/* Moves the fresh IDs to sorted, by buckets. On return ends has the end of each bucket. */
static void distribute_fresh(const struct cfs_ids *ids, uint8_t *sorted, size_t *ends,
			     size_t n_buckets)
{
	size_t sum = 0, len = ids->len;

	for (size_t i = 0; i < ids->n_fresh; i++)
		ends[get_bucket(ids->fresh + i * len, n_buckets)]++;
	for (size_t i = 0; i < n_buckets; i++) {
		size_t n = ends[i];

		ends[i] = sum;
		sum += n;
	}
	for (size_t i = 0; i < ids->n_fresh; i++) {
		const uint8_t *id = ids->fresh + i * len;

		memcpy(sorted + ends[get_bucket(id, n_buckets)]++ * len, id, len);
	}
}

/* Sorts the fresh IDs. Digests are spread evenly, so that buckets are small; others, which an
 * image can have on purpose, cost what qsort_r costs. */
static int order_fresh(struct cfs_ids *ids, struct cfs_err *err)
{
	size_t n_buckets = ids->n_fresh / BUCKET_LEN + 1, start = 0, len = ids->len;
	size_t *ends = calloc(n_buckets, sizeof(*ends));
	uint8_t *sorted = malloc(ids->fresh_cap * len);

	if (!ends || !sorted) {
		free(ends);
		free(sorted);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	distribute_fresh(ids, sorted, ends, n_buckets);
	for (size_t i = 0; i < n_buckets; start = ends[i++])
		if (ends[i] - start > 1)
			qsort_r(sorted + start * len, ends[i] - start, len, by_bytes,
				ids);
	free(ends);
	free(ids->fresh);
	ids->fresh = sorted;
	return 0;
}

/* Sorts the fresh IDs and drops duplicates. */
static int sort_fresh(struct cfs_ids *ids, struct cfs_err *err)
{
	size_t kept = 1, len = ids->len;
	int rc = order_fresh(ids, err);

	if (rc < 0)
		return rc;
	for (size_t i = 1; i < ids->n_fresh; i++) {
		const uint8_t *id = ids->fresh + i * len;

		if (memcmp(ids->fresh + (kept - 1) * len, id, len) != 0)
			memmove(ids->fresh + kept++ * len, id, len);
	}
	ids->n_fresh = kept;
	return 0;
}

/* Merges from the end, so that nothing is overwritten before it was moved. v and fresh
 * have no common IDs. */
static void merge_fresh(struct cfs_ids *ids)
{
	size_t a = ids->n, b = ids->n_fresh, to = a + b, len = ids->len;

	while (b) {
		const uint8_t *from = ids->fresh + (b - 1) * len;

		if (a && memcmp(ids->v + (a - 1) * len, from, len) > 0)
			from = ids->v + --a * len;
		else
			b--;
		memmove(ids->v + --to * len, from, len);
	}
	ids->n += ids->n_fresh;
	ids->n_fresh = 0;
}

int cfs_ids_settle(struct cfs_ids *ids, struct cfs_err *err)
{
	int rc;

	if (ids->n_fresh == 0)
		return 0;
	rc = sort_fresh(ids, err);
	if (rc < 0)
		return rc;
	if (cfs_watch_is_cancelled(ids->watch)) /* they are in any order */
		return cfs_watch_fail(err);
	if (cfs_grow(&ids->v, &ids->cap, ids->n + ids->n_fresh, ids->len) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	merge_fresh(ids);
	return 0;
}
