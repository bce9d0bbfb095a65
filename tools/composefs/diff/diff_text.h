/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff_text: differences as people and programs read them.
 * Owns:  the names of fields and types, the text of a value, the path of a name at any depth.
 * Uses:  base, tree, dump (escapes), diff, composefs (JSON).
 * Never: compares.
 */
#ifndef CFS_DIFF_TEXT_H
#define CFS_DIFF_TEXT_H

#include <stdio.h>

#include "diff/diff.h"

/* Room for texts, used again for each. Starts with diff_text_init. */
struct diff_text {
	const struct cfs_diff *diff; /* lent */
	struct cfs_mem text;
	struct cfs_out out; /* in front of text */
	char *path;
	size_t path_cap;
	size_t value_max; /* bytes of a content or xattr that are shown; then "..." */
	uint64_t printed, printed_max; /* bytes of differences */
};

int diff_text_init(struct diff_text *t, const struct cfs_diff *diff, size_t value_max,
		   struct cfs_err *err) CFS_MUST_CHECK;
void diff_text_fini(struct diff_text *t); /* zeroed is fine */

/* "mtime"; of xattrs all have the name "xattr". */
const char *diff_field_name(enum cfs_diff_field field);

/* "directory", "file", ... */
const char *diff_type_name(uint32_t mode);

/* "PATH\tFIELD\tOLD\tNEW" and a newline, printable on any terminal; a value that is not there is "-".
 * -EFBIG: all that was printed is more than any trees of so few names have to say. */
int diff_print_line(FILE *to, struct diff_text *t, const struct cfs_difference *v,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The same as a JSON object: path, field, old, new. It fails for the same reason. */
int diff_print_json(FILE *to, struct diff_text *t, const struct cfs_difference *v,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A path of either tree, and bytes of one, escaped; lent until the next call. NULL: out of memory. */
const struct cfs_mem *diff_text_name(struct diff_text *t, const struct cfs_tree *tree,
				     cfs_id name);
const struct cfs_mem *diff_text_escaped(struct diff_text *t, struct cfs_text text);

#endif
