/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* decompress: gzip and zstd to plain bytes, as a feed.
 * Owns:  which compression it is (by magic bytes), members and frames, limits against bombs.
 * Uses:  base; zlib or ISA-L, libzstd.
 * Never: opens files, knows what the bytes mean.
 *
 * Compressed data are untrusted input. A gzip stream may have several members, and zeros behind the last one; a zstd
 * stream several frames, skippable ones included, with windows up to 128 MiB. Data that end within a member or frame, or
 * go on behind the last one, are refused (-EINVAL).
 */
#ifndef CFS_DECOMPRESS_H
#define CFS_DECOMPRESS_H

#include "base/base.h"

enum cfs_compression {
	CFS_COMPRESSION_NONE,
	CFS_COMPRESSION_GZIP,
	CFS_COMPRESSION_ZSTD,
};

/* A ratio counts from so many bytes of output on. */
enum { CFS_DECOMPRESS_RATIO_FROM = 4 << 20 };

/* Starts zeroed; zero means no limit. Borrowed until cfs_decompress_close. */
struct cfs_decompress_opts {
	const struct cfs_watch *watch; /* may be NULL */
	uint64_t max_len;    /* bytes of output; not for data that are not compressed */
	uint64_t max_ratio;  /* output divided by input; more is refused */
	uint64_t warn_ratio; /* more gives a warning, once */
};

struct cfs_decompress;

/* Reads the first bytes of from, which is borrowed until cfs_decompress_close, and finds the compression. -ENOTSUP: xz
 * or bzip2. */
int cfs_decompress_open(struct cfs_feed from, const struct cfs_decompress_opts *opts,
			struct cfs_decompress **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_decompress_close(struct cfs_decompress *d); /* NULL is fine */

/* The compression that the first bytes showed. */
enum cfs_compression cfs_decompress_get_kind(const struct cfs_decompress *d);

/* The plain bytes. Fails with -EINVAL (damaged or truncated), -EFBIG (a limit), and as from does. */
struct cfs_feed cfs_decompress_get_feed(struct cfs_decompress *d);

#endif
