/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tarsplit: the form in which tar-split keeps an archive without the contents of its files.
 * Owns:  its lines of JSON, their limits, and the archive made of them and the contents.
 * Uses:  base; jansson.
 * Never: opens files, decompresses, knows where contents are.
 *
 * Untrusted input: who rebuilds an archive compares its digest with the diff_id of the layer.
 * Memory is bounded: one line, at most CFS_TARSPLIT_LINE_MAX bytes, and what it says.
 * Source: github.com/vbatts/tar-split, tar/storage; containers-storage and zstd:chunked.
 */
#ifndef CFS_TARSPLIT_H
#define CFS_TARSPLIT_H

#include "base/base.h"

enum {
	/* tar-split cuts what follows the last entry into pieces of 1 MiB; the extension
	 * headers of an entry are one piece. */
	CFS_TARSPLIT_LINE_MAX = 4 << 20,
};

enum cfs_tarsplit_kind {
	CFS_TARSPLIT_BYTES, /* bytes of the archive: headers, padding, the end */
	CFS_TARSPLIT_FILE,  /* the content of an entry comes here; often it is empty */
};

/* A line. Everything is borrowed until the next call of cfs_tarsplit_next. */
struct cfs_tarsplit_entry {
	enum cfs_tarsplit_kind kind;
	struct cfs_span bytes; /* of BYTES */
	struct cfs_text name;  /* of FILE: as the archive has it, any bytes but NUL */
	uint64_t size;	       /* of FILE: bytes of content */
	bool has_crc64;	       /* of FILE */
	uint64_t crc64; /* CRC-64 (ISO) of the content: no protection against intent */
};

struct cfs_tarsplit;

/* json: the lines, decompressed; borrowed until cfs_tarsplit_close. -ENOMEM. */
int cfs_tarsplit_open(struct cfs_feed json, struct cfs_tarsplit **out,
		      struct cfs_err *err) CFS_MUST_CHECK;
void cfs_tarsplit_close(struct cfs_tarsplit *t); /* NULL is fine */

/* The next line: 1, or 0 at the end. -EINVAL: malformed, with the number of the line; -EFBIG:
 * a line is too long; else as the feed. Not to be called again after an error or the end. */
int cfs_tarsplit_next(struct cfs_tarsplit *t, const struct cfs_tarsplit_entry **out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Where the contents of the files are. */
struct cfs_tarsplit_contents {
	/* Begins the content of a file that is not empty. file is borrowed until the call
	 * returns. */
	int (*begin)(void *ctx, const struct cfs_tarsplit_entry *file,
		     struct cfs_err *err);
	/* The bytes of the content that was begun last, as the function of a feed. Called
	 * until file->size bytes were returned, and then once more: it has to return 0. */
	ssize_t (*read)(void *ctx, void *p, size_t len, struct cfs_err *err);
	void *ctx;
};

/* The archive: the bytes of the lines and the contents, in order. Starts with .lines and
 * .contents, the rest zero. */
struct cfs_tarsplit_archive {
	struct cfs_tarsplit *lines;
	struct cfs_tarsplit_contents contents;
	struct cfs_span bytes; /* what is left of the line */
	uint64_t content_left;
	bool in_content;
};

/* The archive as a feed, borrowed. -EILSEQ: a content has another length than its line says;
 * else as cfs_tarsplit_next and the contents. */
struct cfs_feed cfs_tarsplit_feed(struct cfs_tarsplit_archive *a);

/* Adds bytes to a CRC-64 as the lines have it, which begins with 0. */
uint64_t cfs_crc64_update(uint64_t crc, const void *p, size_t len);

#endif
