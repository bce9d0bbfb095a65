/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The functions of text.c (values) and line.c (one line), from which read.c reads a tree. */
#ifndef CFS_DUMP_PRIV_H
#define CFS_DUMP_PRIV_H

#include "dump/dump.h"

/* --- text.c ------------------------------------------------------------------------ */

/* Parse a whole field by the rules of strtoull: leading blanks, one sign, digits to the end;
 * -N is 2^64 - N, and a number that is too large is 2^64 - 1. False: not a number. */
bool cfs_dump_decimal(struct cfs_text field, uint64_t *out) CFS_MUST_CHECK;
bool cfs_dump_octal(struct cfs_text field, uint64_t *out) CFS_MUST_CHECK;

/* Unescapes a field to `to` (field.len bytes). Returns the length. -EINVAL: a bad escape. */
ssize_t cfs_dump_unescape(struct cfs_text field, char *to,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* A value for a message: escaped, and cut to the length of s. Used as
 * cfs_dump_quote(t).s. */
struct cfs_dump_quoted {
	char s[72];
};

struct cfs_dump_quoted cfs_dump_quote(struct cfs_text value);

/* --- line.c ------------------------------------------------------------------------ */

/* The parser of lines. Starts zeroed except alg and strict. */
struct cfs_dump_parser {
	enum cfs_hash_alg alg;
	bool strict;
	struct cfs_err ignored;	  /* the field of this line that has_ignored means */
	const char *first_escape; /* of this line, or its end */
	char *scratch;		  /* unescaped fields */
	size_t scratch_len, scratch_cap;
	struct cfs_xattr *xattrs; /* of this line */
	size_t xattrs_cap;
};

/* A parsed line. Borrowed from the text and the parser until the next line. */
struct cfs_dump_line {
	struct cfs_text path;
	struct cfs_inode_spec
		inode; /* hard link: only the mode, and the target as payload */
	bool is_link;
	bool has_ignored; /* a field that the tree cannot store, see cfs_dump_parser */
	uint8_t digest[CFS_HASH_MAX_LEN];
};

void cfs_dump_parser_fini(struct cfs_dump_parser *p);

/* Parses a line without its newline. -EINVAL, with the message FIELD: expected X, got Y. */
int cfs_dump_parse_line(struct cfs_dump_parser *p, struct cfs_text text,
			struct cfs_dump_line *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
