/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the reader share: the headers of an entry as they are collected. */
#ifndef CFS_TAR_PRIV_H
#define CFS_TAR_PRIV_H

#include "tar/tar.h"

/* Fields of a header block. */
enum {
	TAR_NAME = 0,
	TAR_MODE = 100,
	TAR_UID = 108,
	TAR_GID = 116,
	TAR_SIZE = 124,
	TAR_MTIME = 136,
	TAR_CHECKSUM = 148,
	TAR_TYPE = 156,
	TAR_LINK = 157,
	TAR_MAGIC = 257,
	TAR_MAJOR = 329,
	TAR_MINOR = 337,
	TAR_PREFIX = 345,
	TAR_GNU_SPARSE = 386,	/* 4 segments */
	TAR_GNU_EXTENDED = 482, /* another block with segments follows */
	TAR_GNU_REALSIZE = 483,
	/* of such a block: */
	TAR_GNU_MORE = 21, /* segments */
	TAR_GNU_MORE_EXTENDED = 504,
	/* lengths: */
	TAR_NAME_LEN = 100,
	TAR_SHORT_LEN = 8, /* mode, owner, device */
	TAR_LONG_LEN = 12, /* size, time */
	TAR_PREFIX_LEN = 155,
};

enum tar_dialect {
	TAR_V7, /* no extensions, devices or prefix */
	TAR_POSIX,
	TAR_GNU,
};

struct tar_time {
	int64_t sec;
	uint32_t nsec;
};

/* The values of the extension headers for the next entry. Texts are borrowed from the
 * buffers below; s is NULL if absent. */
struct tar_said {
	struct cfs_text path, linkpath;
	bool has_size, has_uid, has_gid, has_mtime;
	uint64_t size, uid, gid;
	struct tar_time mtime;
	bool has_capability, has_archive_capability; /* by SCHILY, by LIBARCHIVE */
	/* For a sparse file: */
	struct cfs_text sparse_name;
	bool has_major, has_minor, has_realsize, has_numblocks, has_map;
	bool awaits_len; /* the last segment has its offset only */
	uint64_t major, minor, realsize, numblocks;
};

/* The headers of the entry at hand. */
struct tar_head {
	uint8_t block[CFS_TAR_BLOCK]; /* the last header block */
	enum tar_dialect dialect;
	struct cfs_mem pax, long_name, long_link; /* data of the headers x, L and K */
	bool has_pax, has_long_name, has_long_link;
	uint64_t extensions_len;
	struct tar_said said;
	size_t n_records;
	struct cfs_xattr *xattrs;
	size_t n_xattrs, xattrs_cap;
	struct cfs_tar_segment *segments;
	size_t n_segments, segments_cap;
	struct cfs_mem name, path, target;
};

struct cfs_tar {
	struct cfs_feed feed;
	const struct cfs_tar_opts *opts;
	uint8_t *buf;
	size_t pos, len; /* of what was read and not used yet */
	bool at_end;	 /* of the feed */
	uint64_t off;	 /* of buf[pos] in the archive */
	struct tar_head head;
	struct cfs_tar_entry entry;
	uint64_t left;	  /* stored bytes of the entry that have not been read */
	uint64_t padding; /* bytes behind them */
	uint64_t holes;	  /* bytes of all holes so far */
};

/* --- bytes.c: the buffer --------------------------------------------------------------- */

/* Makes want bytes available at buf + pos, at most CFS_TAR_BLOCK. Returns how many there are: fewer only at the end. */
ssize_t tar_fill(struct cfs_tar *t, size_t want, struct cfs_err *err) CFS_MUST_CHECK;

/* Uses the next len bytes, which are available, and hands them to the caller's raw function. */
int tar_use_raw(struct cfs_tar *t, enum cfs_tar_raw kind, size_t len,
		struct cfs_err *err) CFS_MUST_CHECK;

/* The next piece of at most max bytes, used at once; empty at the end of the feed. Borrowed until the next call. */
int tar_take(struct cfs_tar *t, uint64_t max, struct cfs_span *out,
	     struct cfs_err *err) CFS_MUST_CHECK;

/* The next block, which is not used yet: 1; 0 at the end of the feed. Borrowed until the next call of tar_fill or
 * tar_take. -EINVAL: less than a block. */
int tar_peek_block(struct cfs_tar *t, const uint8_t **out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* A block of headers, which must exist. */
int tar_take_block(struct cfs_tar *t, const uint8_t **out,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Returns -EINVAL: the archive ends in the middle of what. */
int tar_fail_truncated(uint64_t missing, const char *what,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* --- number.c -------------------------------------------------------------------------- */

/* A number of a header: octal digits, or binary where the first bit is set. */
int tar_parse_number(const uint8_t *field, size_t len, const char *what, int64_t *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The same, not negative and at most max. */
int tar_parse_count(const uint8_t *field, size_t len, const char *what, uint64_t max,
		    uint64_t *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Octal digits only. */
int tar_parse_octal(const uint8_t *field, size_t len, const char *what, uint64_t *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Decimal digits, at most max. */
int tar_parse_decimal(struct cfs_text text, const char *what, uint64_t max, uint64_t *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Seconds with a fraction, perhaps negative. */
int tar_parse_decimal_time(struct cfs_text text, struct tar_time *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* --- pax.c, sparse.c, entry.c ---------------------------------------------------------- */

/* Reads the records of head.pax. */
int tar_parse_pax(struct cfs_tar *t, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a segment with data to the map of a sparse file. -EFBIG: too many; -ENOMEM. */
int tar_add_segment(struct tar_head *h, uint64_t off, uint64_t len,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The comma-separated map of pax 0.1. */
int tar_parse_map(struct tar_head *h, struct cfs_text map,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Reads the map of a sparse file, wherever it is, checks it, and describes it in t->entry. size: of the header. */
int tar_read_sparse(struct cfs_tar *t, struct cfs_err *err) CFS_MUST_CHECK;

/* Checks a header block, and finds its dialect. */
int tar_check_block(struct tar_head *h, struct cfs_err *err) CFS_MUST_CHECK;

/* Fills t->entry from the headers. */
int tar_describe(struct cfs_tar *t, struct cfs_err *err) CFS_MUST_CHECK;

/* The name of the entry as far as it is known, for messages. */
struct cfs_text tar_name(struct tar_head *h);

#endif
