/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* chunked: layers of the form zstd:chunked, whose files can be fetched one by one.
 * Owns:  the annotations, the table of contents, the choice of the ranges to fetch.
 * Uses:  base, hash, oci; jansson.
 * Never: transfers or decompresses anything, knows stores.
 *
 * Annotations and table are untrusted: they say where bytes may be found, and the digests of
 * files are compared with the bytes, but only the diff_id decides what the layer is. Memory is
 * bounded by the limits below. Source: github.com/containers/storage, pkg/chunked.
 */
#ifndef CFS_CHUNKED_H
#define CFS_CHUNKED_H

#include "hash/hash.h"
#include "oci/oci.h"

enum {
	CFS_CHUNKED_TOC_MAX = 16 << 20,	     /* bytes, compressed */
	CFS_CHUNKED_TARSPLIT_MAX = 32 << 20, /* bytes, compressed */
	CFS_CHUNKED_FILES_MAX = 500000,	     /* regular files with content */
	CFS_CHUNKED_ENTRIES_MAX = 2000000,   /* of the table, chunks included */
	CFS_CHUNKED_ENTRY_MAX = 1 << 20,     /* bytes of JSON */
};

/* Uncompressed, of the table or of tar-split. */
#define CFS_CHUNKED_PLAIN_MAX (UINT64_C(2) << 30)

/* Compressed metadata in a blob. */
struct cfs_chunked_part {
	struct cfs_oci_range at;
	uint64_t plain_len;
};

/* What the annotations of a layer say. */
struct cfs_chunked_layer {
	struct cfs_chunked_part toc, tarsplit;
	uint8_t toc_sha256[CFS_SHA256_LEN]; /* of the compressed table */
};

/* Reads the annotations: 1; 0: the layer is not zstd:chunked, or of an old form without
 * tar-split. -EINVAL: they are malformed; -EFBIG: beyond a limit. */
int cfs_chunked_parse_layer(const struct cfs_oci_descriptor *d,
			    struct cfs_chunked_layer *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* A regular file that has content. */
struct cfs_chunked_file {
	uint64_t size;
	uint64_t off, end; /* its bytes in the blob: whole zstd frames */
	uint8_t sha256[CFS_SHA256_LEN];
};

/* The table of contents: files in the order of the archive, which is that of the blob. */
struct cfs_chunked_toc {
	struct cfs_chunked_file *files;
	size_t n_files, cap;
	bool has_tarsplit_digest;
	uint8_t tarsplit_sha256[CFS_SHA256_LEN]; /* of the compressed tar-split */
};

/* Parses the table, decompressed. blob_len: files end before. Free it with _fini, also after an
 * error. -EINVAL: malformed; -EFBIG: a limit; else as the feed. */
int cfs_chunked_toc_parse(struct cfs_feed json, uint64_t blob_len,
			  struct cfs_chunked_toc *out,
			  struct cfs_err *err) CFS_MUST_CHECK;
void cfs_chunked_toc_fini(struct cfs_chunked_toc *toc);

/* Chooses ranges of the blob that cover the files that are wanted, in ascending order, at most
 * max of them (max > 0). A gap is fetched too where a request for it would cost more, as long as
 * all gaps are small beside what is wanted. wanted: one for each file. free(*out) is the
 * caller's. */
int cfs_chunked_choose_ranges(const struct cfs_chunked_toc *toc, const bool *wanted,
			      size_t max, struct cfs_oci_range **out, size_t *n,
			      struct cfs_err *err) CFS_MUST_CHECK;

#endif
