/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Differences and causes as text. Bytes of a tree are escaped as in a dump. */
#ifndef CFS_DIFF_TEXT_H
#define CFS_DIFF_TEXT_H

#include "base/base.h"
#include "diff/causes.h"
#include "diff/differences.h"

/* Buffers that are used again for each text. */
struct cfs_diff_text {
	const struct cfs_diff *diff; /* borrowed */
	struct cfs_mem text;
	struct cfs_out out; /* in front of text */
	char *path;
	size_t path_cap;
	size_t value_max; /* bytes; longer contents and xattrs end with "..." */
	uint64_t printed,
		printed_max; /* bytes of all differences so far, and their limit */
};

/* Starts a text about diff, which it borrows. Values are cut off after value_max bytes.
 * -ENOMEM. */
int cfs_diff_text_init(struct cfs_diff_text *t, const struct cfs_diff *diff,
		       size_t value_max, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_diff_text_fini(struct cfs_diff_text *t); /* a zeroed one is valid */

/* Such as "mtime"; "xattr" for every xattr. */
const char *cfs_diff_get_field_name(enum cfs_diff_field field);

/* "directory", "file", ... */
const char *cfs_diff_get_type_name(uint32_t mode);

/* The parts of a difference, in the order of a line. */
enum cfs_diff_part {
	CFS_DIFF_PART_PATH,
	CFS_DIFF_PART_FIELD,
	CFS_DIFF_PART_OLD, /* the values; an absent one is "-" */
	CFS_DIFF_PART_NEW,
	CFS_DIFF_N_PARTS,
};

/* The text of a part, borrowed until the next call with t. -EFBIG: there are more bytes in all parts so far than trees
 * with so few entries can differ in. -ENOMEM. */
int cfs_diff_text_format_part(struct cfs_diff_text *t, const struct cfs_difference *v,
			      enum cfs_diff_part part, const struct cfs_mem **out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* The name of the kind of a cause, for programs; it never changes. */
const char *cfs_cause_get_name(const struct cfs_cause *cause);

/* A cause as a sentence, such as "mtimes of 412 directories"; borrowed until the next call with t. -ENOMEM. */
int cfs_cause_format_text(struct cfs_diff_text *t, const struct cfs_cause *cause,
			  const struct cfs_mem **out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
