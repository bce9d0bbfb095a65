/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bounded: warnings of one kind, of which a tree can have millions: the first are told, the others counted.
 * Owns:  how many are told.
 * Uses:  cli.
 * Never: does a command's work.
 */
#ifndef CFS_BOUNDED_H
#define CFS_BOUNDED_H

#include <stddef.h>

#include "base/base.h"

enum { BOUNDED_MAX = 10 };

/* Starts with the program's name and zeros. */
struct bounded {
	const char *program;
	size_t n;
};

/* "PROGRAM: warning: SENTENCE", unless BOUNDED_MAX were told already. */
void bounded_warn(struct bounded *b, const char *fmt, ...) CFS_PRINTF(2, 3);

/* "PROGRAM: warning: and N more WHAT", if some were not told. */
void bounded_end(const struct bounded *b, const char *what);

#endif
