/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The file of a digest cache: refused with a sentence, or a table in which each entry is found. Once as it
 * is, and once under a checksum that is right. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "cache/cache_priv.h"

enum { KEYS_MAX = 1000 };

static void check_cache_table(const struct cache_table *t, struct cfs_span bytes)
{
	fuzz_hold(cfs_span_holds(bytes, t->entries));
	fuzz_hold(t->entries.len == t->n_entries * t->entry_len);
	for (size_t i = 0; i < t->n_entries && i < KEYS_MAX; i++) {
		const uint8_t *entry = t->entries.p + i * t->entry_len;
		uint64_t ino = cfs_le64(entry);

		fuzz_hold(cfs_cache_lookup(t, ino) == entry);
		fuzz_hold(i == 0 || cfs_le64(entry - t->entry_len) < ino);
	}
}

/* The writer makes the same bytes of the same entries. */
static void check_again(const struct cache_table *t, enum cfs_hash_alg alg,
			struct cfs_span bytes)
{
	cfs_autofree uint8_t *copy = malloc(bytes.len);
	size_t len;

	fuzz_hold(copy);
	memset(copy, 0xff, bytes.len);
	memcpy(copy + CACHE_HEADER_LEN, t->entries.p, t->entries.len);
	len = cfs_cache_finish_file(copy, t->n_entries, alg, t->dev);
	fuzz_hold(len == bytes.len - CACHE_SUM_LEN && memcmp(copy, bytes.p, len) == 0);
}

static void check_cache_file(struct cfs_span bytes, enum cfs_hash_alg alg)
{
	struct cfs_err err = {""};
	struct cache_table t;
	int rc = cfs_cache_parse(bytes, alg, &t, &err);

	fuzz_hold(rc == 0 || (rc == -EUCLEAN && err.msg[0] && !strchr(err.msg, '\n')));
	if (rc < 0)
		return;
	check_cache_table(&t, bytes);
	check_again(&t, alg, bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_span body = {data, len < CACHE_SUM_LEN ? 0 : len - CACHE_SUM_LEN};
	cfs_autofree uint8_t *copy = malloc(len + 1);
	struct cfs_digest sum;

	fuzz_hold(copy);
	memcpy(copy, data, len);
	for (int alg = CFS_SHA256; alg <= CFS_SHA512; alg++)
		check_cache_file((struct cfs_span){copy, len}, alg);
	if (len < CACHE_SUM_LEN)
		return 0;
	fuzz_hold(cfs_verity_digest_mem(CFS_SHA256, body, &sum, NULL) == 0);
	memcpy(copy + body.len, sum.bytes, CACHE_SUM_LEN);
	for (int alg = CFS_SHA256; alg <= CFS_SHA512; alg++)
		check_cache_file((struct cfs_span){copy, len}, alg);
	return 0;
}
