/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* suggest: the name that a mistyped word probably means.
 * Owns:  the distance between two words, how much may differ.
 * Uses:  nothing.
 * Never: prints.
 */
#ifndef CFS_SUGGEST_H
#define CFS_SUGGEST_H

#include <stddef.h>

/* The nearest name so far. Starts zeroed but for word. */
struct suggest {
	const char *word;
	const char *best; /* NULL: no name is near enough */
	size_t distance;
};

/* Compares another name, which is borrowed. Of names at the same distance the first stays. */
void suggest_try(struct suggest *s, const char *name);

#endif
