/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cause_text: causes as text.
 * Owns:  a stable name and a sentence for each kind.
 * Uses:  base, diff, diff_text.
 * Never: finds causes.
 */
#ifndef CFS_CAUSE_TEXT_H
#define CFS_CAUSE_TEXT_H

#include "composefs/diff/diff_text.h"

/* The name in JSON; it never changes. */
const char *cause_name(const struct cfs_cause *cause);

/* Prints "mtimes of 412 directories" without a newline, escaped for terminals; t is the buffer for escaping. */
int cause_print(FILE *to, const struct cfs_cause *cause, struct diff_text *t,
		struct cfs_err *err) CFS_MUST_CHECK;

#endif
