/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The functions of text.c (values), field.c (fields) and line.c (one line), from which read.c
 * reads a tree. */
#ifndef CFS_DUMP_PRIV_H
#define CFS_DUMP_PRIV_H

#include "dump/dump.h"

/* --- text.c ------------------------------------------------------------------------ */

/* Parse a whole field by the rules of strtoull: leading blanks, one sign, digits to the end;
 * -N is 2^64 - N, and a number that is too large is 2^64 - 1. False: not a number. */
bool cfs_dump_parse_decimal(struct cfs_text field, uint64_t *out) CFS_MUST_CHECK;
bool cfs_dump_parse_octal(struct cfs_text field, uint64_t *out) CFS_MUST_CHECK;

/* Unescapes a field to `to` (field.len bytes). Returns the length. -EINVAL: a bad escape. */
ssize_t cfs_dump_unescape(struct cfs_text field, char *to,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* A value for a message: escaped, and cut to the length of s. Used as
 * cfs_dump_quote(t).s. */
struct cfs_dump_quoted {
	char s[72];
};

/* Makes a value printable for a message: escaped, and cut off with "..." if it is
 * long. */
struct cfs_dump_quoted cfs_dump_quote(struct cfs_text value);

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

/* --- field.c ----------------------------------------------------------------------- */

enum { DUMP_N_COLUMNS = 11 }; /* before the xattrs */

/* Replaces a field that has escapes by its bytes, in the scratch memory of the parser. */
int dump_unescape_field(struct cfs_dump_parser *p, struct cfs_text *f,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a C string. Other readers cut it at a NUL, which would hide a part of the
 * line; here it is an error. */
int dump_unescape_string(struct cfs_dump_parser *p, struct cfs_text *f,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Parses the fields before the xattrs: of a hard link only some, as is_link, which one of
 * them sets, says afterwards. */
int dump_parse_fields(struct cfs_dump_parser *p,
		      const struct cfs_text columns[DUMP_N_COLUMNS],
		      struct cfs_dump_line *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Only files and symlinks have content. The usual cause is a mode that lacks a digit: 0100644
 * without one of its zeros is a FIFO. */
int dump_check_no_content(const struct cfs_inode_spec *in,
			  const struct cfs_text columns[DUMP_N_COLUMNS],
			  struct cfs_err *err) CFS_MUST_CHECK;

/* --- line.c ------------------------------------------------------------------------ */

/* Frees the buffers. What was parsed is not valid any longer. */
void cfs_dump_parser_fini(struct cfs_dump_parser *p);

/* Parses a line without its newline. -EINVAL, with the message FIELD: expected X, got Y. */
int cfs_dump_parse_line(struct cfs_dump_parser *p, struct cfs_text text,
			struct cfs_dump_line *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
