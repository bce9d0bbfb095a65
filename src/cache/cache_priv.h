/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cache, private: the format of the file. Numbers are little-endian.
 *
 *     header   16  "composefs cache\n"
 *               4  version, 1
 *               4  digest algorithm: 1 SHA-256, 2 SHA-512
 *               8  number of entries
 *               8  device of all files
 *     entries   8  inode: strictly ascending
 *               8  size
 *               8  mtime, seconds
 *               8  ctime, seconds
 *               4  mtime, nanoseconds
 *               4  ctime, nanoseconds
 *                  digest, 32 or 64
 *     trailer  32  fs-verity digest (SHA-256) of all before
 */
#ifndef CFS_CACHE_PRIV_H
#define CFS_CACHE_PRIV_H

#include "cache/cache.h"

enum {
	CACHE_MAGIC_LEN = 16,
	CACHE_VERSION = 1,
	CACHE_VERSION_OFF = 16,
	CACHE_ALG_OFF = 20,
	CACHE_COUNT_OFF = 24,
	CACHE_DEV_OFF = 32,
	CACHE_HEADER_LEN = 40,

	CACHE_SIZE_OFF = 8,
	CACHE_MTIME_OFF = 16,
	CACHE_CTIME_OFF = 24,
	CACHE_MTIME_NSEC_OFF = 32,
	CACHE_CTIME_NSEC_OFF = 36,
	CACHE_DIGEST_OFF = 40,

	CACHE_SUM_LEN = 32,
	/* 2.4 GB with SHA-256: more files than that are read again each time. */
	CACHE_MAX_ENTRIES = 1 << 25,
};

extern const char cfs_cache_magic[CACHE_MAGIC_LEN + 1];

/* A decoded cache file. */
struct cache_table {
	uint64_t dev;
	size_t entry_len, n_entries;
	struct cfs_span entries; /* borrowed from the file's bytes */
};

/* file.c: bytes of an entry. */
size_t cfs_cache_entry_len(enum cfs_hash_alg alg);
/* file.c: the longest file that is looked at. */
uint64_t cfs_cache_max_len(enum cfs_hash_alg alg);
/* file.c: checks all of it. Any error: the bytes are not to be used. */
int cfs_cache_parse(struct cfs_span bytes, enum cfs_hash_alg alg, struct cache_table *out,
		    struct cfs_err *err) CFS_MUST_CHECK;
/* file.c: the entry of an inode, or NULL. */
const uint8_t *cfs_cache_lookup(const struct cache_table *t, uint64_t ino);
/* file.c: an entry without its digest, CACHE_DIGEST_OFF bytes. */
void cfs_cache_encode_key(const struct stat *st, uint8_t out[CACHE_DIGEST_OFF]);
/* file.c: bytes hold room for a header, then n entries in any order. Puts them in order,
 * drops second entries of an inode, fills the header. Returns the length, which the
 * trailer follows. */
size_t cfs_cache_finish_file(uint8_t *bytes, size_t n, enum cfs_hash_alg alg,
			     uint64_t dev);

#endif
