/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the dump room share: text.c (values), line.c (one line). read.c joins them. */
#ifndef CFS_DUMP_PRIV_H
#define CFS_DUMP_PRIV_H

#include "dump/dump.h"

/* --- text.c ------------------------------------------------------------------------ */

/* Parse a whole field by the rules of strtoull: blanks and one sign in front, digits to the
 * end, -N as 2^64 - N, too large ones as 2^64 - 1. False: not a number. */
bool cfs_dump_decimal(struct cfs_text field, uint64_t *out) CFS_MUST_CHECK;
bool cfs_dump_octal(struct cfs_text field, uint64_t *out) CFS_MUST_CHECK;

/* Writes the field without its escapes to `to`, which has room for field.len bytes.
 * Returns the length. -EINVAL: a bad escape. */
ssize_t cfs_dump_unescape(struct cfs_text field, char *to,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* A value for a message: escaped, and cut after some dozen characters. Used as
 * quote(t).s. */
struct cfs_dump_quoted {
	char s[72];
};

struct cfs_dump_quoted cfs_dump_quote(struct cfs_text value);

/* --- line.c ------------------------------------------------------------------------ */

/* What parsing of lines needs. Starts zeroed but for alg and strict. */
struct cfs_dump_parser {
	enum cfs_hash_alg alg;
	bool strict;
	struct cfs_err ignored;	  /* what of this line, if has_ignored */
	const char *first_escape; /* of this line, or its end */
	char *scratch;		  /* the fields that had escapes, without them */
	size_t scratch_len, scratch_cap;
	struct cfs_xattr *xattrs; /* of this line */
	size_t xattrs_cap;
};

/* One line as its fields say. Lent from the text and the parser until the next line. */
struct cfs_dump_line {
	struct cfs_text path;
	struct cfs_inode_spec
		inode; /* of a hard link only mode and payload, its target */
	bool is_link;
	bool has_ignored; /* the tree will not have all of it, see the parser */
	uint8_t digest[CFS_HASH_MAX_LEN];
};

void cfs_dump_parser_fini(struct cfs_dump_parser *p);

/* Parses a line without its newline. -EINVAL: FIELD: what was wanted, what was found. */
int cfs_dump_parse_line(struct cfs_dump_parser *p, struct cfs_text text,
			struct cfs_dump_line *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
