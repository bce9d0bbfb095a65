/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff/print: differences on standard output, for diff and explain.
 * Owns:  the form of a line and of a JSON object.
 * Uses:  cli (JSON), diff (texts).
 * Never: compares.
 */
#ifndef CFS_DIFF_PRINT_H
#define CFS_DIFF_PRINT_H

#include "cli/json.h"
#include "diff/diff.h"

/* Prints "PATH\tFIELD\tOLD\tNEW" and a newline, escaped for terminals. Fails as cfs_diff_text_format_part. */
int print_difference(struct cfs_diff_text *t, const struct cfs_difference *v,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The same as a JSON object with path, field, old and new. */
int print_difference_json(struct json *j, struct cfs_diff_text *t,
			  const struct cfs_difference *v,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* A text as a member of a JSON object. */
void print_json_mem(struct json *j, const char *key, const struct cfs_mem *text);

#endif
