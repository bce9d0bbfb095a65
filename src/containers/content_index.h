/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Which contents the repository has, by the SHA-256 of their bytes, which tables of contents
 * name; objects are named by another digest. A file of the repository, .content-index, that
 * saves transfers and means nothing else: it is not trusted, and may be missing, old or wrong.
 * Who reuses a content computes its SHA-256 while it is read. */
#ifndef CFS_CONTAINERS_CONTENT_INDEX_H
#define CFS_CONTAINERS_CONTENT_INDEX_H

#include "base/base.h"
#include "containers/layer_write.h"
#include "verity/verity.h"

struct cfs_repo;

enum {
	CFS_CONTENTS_MAX = 400000, /* entries of the index */
};

/* A content. Also the form of an entry in the file, sorted by sha256. */
struct cfs_content {
	uint8_t sha256[CFS_SHA256_LEN];
	/* Up to CFS_CONTAINERS_INLINE_MAX bytes: the content itself; else the digest of its
	 * object. The rest is zero. */
	uint8_t value[CFS_CONTAINERS_INLINE_MAX];
	uint64_t size; /* little endian in the file */
};

/* Starts zeroed: no entries. */
struct cfs_content_index {
	struct cfs_map map;
	const struct cfs_content *entries;
	size_t n;
};

/* A file that is missing, malformed, of another user and too large, or not readable counts as
 * empty. Close it. */
void cfs_content_index_open(const struct cfs_repo *repo, struct cfs_content_index *out);
void cfs_content_index_close(struct cfs_content_index *index);

/* The content with this SHA-256 and size; NULL: unknown. Borrowed until the index is closed. */
const struct cfs_content *cfs_content_index_find(const struct cfs_content_index *index,
						 const uint8_t sha256[CFS_SHA256_LEN],
						 uint64_t size);

/* Adds entries to the index of the repository, and sorts them. keeps_old: else the entries
 * before are dropped. When it is full, entries without an object are dropped, then others. Of two
 * processes at the same time, the entries of one are lost. */
int cfs_content_index_add(const struct cfs_repo *repo, struct cfs_content *entries,
			  size_t n, bool keeps_old, struct cfs_err *err) CFS_MUST_CHECK;

/* The digest of the object of a content that is not inline. */
void cfs_content_get_object(const struct cfs_content *c, enum cfs_hash_alg alg,
			    struct cfs_digest *out);

#endif
