/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cause_text: causes as people and programs read them.
 * Owns:  a name and a sentence for each kind.
 * Uses:  base, diff, diff_text.
 * Never: finds causes.
 */
#ifndef CFS_CAUSE_TEXT_H
#define CFS_CAUSE_TEXT_H

#include "composefs/diff/diff_text.h"

/* For programs; never changes. */
const char *cause_name(const struct cfs_cause *cause);

/* "mtimes of 412 directories": a line without its end, printable on any terminal. t gives escapes. */
int cause_print(FILE *to, const struct cfs_cause *cause, struct diff_text *t,
		struct cfs_err *err) CFS_MUST_CHECK;

#endif
