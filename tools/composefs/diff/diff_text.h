/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff_text: differences as text and as JSON.
 * Owns:  the names of fields and types, the text of a value, the path of a name at any depth.
 * Uses:  base, tree, dump (escapes), diff, cli (JSON).
 * Never: compares.
 */
#ifndef CFS_DIFF_TEXT_H
#define CFS_DIFF_TEXT_H

#include <stdio.h>

#include "cli/json.h"
#include "diff/diff.h"

/* Buffers that are used again for each text. Starts with diff_text_init. */
struct diff_text {
	const struct cfs_diff *diff; /* borrowed */
	struct cfs_mem text;
	struct cfs_out out; /* in front of text */
	char *path;
	size_t path_cap;
	size_t value_max; /* longer contents and xattrs end with "..." */
	uint64_t printed,
		printed_max; /* bytes of all differences so far, and their limit */
};

int diff_text_init(struct diff_text *t, const struct cfs_diff *diff, size_t value_max,
		   struct cfs_err *err) CFS_MUST_CHECK;
void diff_text_fini(struct diff_text *t); /* a zeroed one is valid */

/* Such as "mtime"; "xattr" for every xattr. */
const char *diff_field_name(enum cfs_diff_field field);

/* "directory", "file", ... */
const char *diff_type_name(uint32_t mode);

/* Prints "PATH\tFIELD\tOLD\tNEW" and a newline, escaped for terminals; an absent value is "-". -EFBIG: more bytes were
 * printed than trees with so few entries can differ in. */
int diff_print_line(FILE *to, struct diff_text *t, const struct cfs_difference *v,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The same as a JSON object with path, field, old and new, and with the same limit. */
int diff_print_json(struct json *j, struct diff_text *t, const struct cfs_difference *v,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* A path of a tree, and bytes of one, escaped; borrowed until the next call. NULL: out of memory. */
const struct cfs_mem *diff_text_name(struct diff_text *t, const struct cfs_tree *tree,
				     cfs_id name);
const struct cfs_mem *diff_text_escaped(struct diff_text *t, struct cfs_text text);

#endif
