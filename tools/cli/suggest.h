/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* suggest: finds the name that a mistyped word probably means.
 * Owns:  the distance between two words, the allowed distance, options of other
 *        programs.
 * Uses:  nothing.
 * Never: prints.
 */
#ifndef CFS_SUGGEST_H
#define CFS_SUGGEST_H

#include <stdbool.h>
#include <stddef.h>

/* The nearest name so far. Starts with word and zeros. */
struct suggest {
	const char *word;
	const char *best; /* NULL if no name is near enough */
	size_t distance;
};

/* Compares another name, which is borrowed. The first of several names with the same
 * distance is kept. */
void suggest_add_name(struct suggest *s, const char *name);

/* Whether a word is the option of podman, skopeo, restic or ostree for what our option does. */
bool suggest_is_foreign(const char *word, const char *option);

#endif
