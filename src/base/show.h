/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Escape untrusted text (names, paths, messages) before it reaches a terminal. */
#ifndef CFS_BASE_SHOW_H
#define CFS_BASE_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Length in bytes of the UTF-8 character at p, which has left bytes; 0 if it is not valid
 * UTF-8. */
size_t cfs_utf8_measure(const uint8_t *p, size_t left);

/* The code point of that character. */
uint32_t cfs_utf8_decode(const uint8_t *p, size_t len);

/* Length of the bytes at p that must be escaped: a control character (C0, DEL, C1), a
 * character that changes the direction of text or ends a line (U+061C, U+200E, U+200F,
 * U+2028 to U+202E, U+2066 to U+2069), or one byte that is not UTF-8. 0: the character at
 * p is printed as it is. */
size_t cfs_show_hidden_len(const uint8_t *p, size_t left);

/* Returns one for the count 1, else many: "1 object", "2 objects". */
static inline const char *cfs_plural(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}

enum { CFS_SHOW_FACTOR = 4 }; /* longest output for one byte: \xNN */

/* Writes text to out with hidden bytes as \xNN, and adds a NUL. Text that does not fit
 * into cap is cut off after a whole character. Returns the length without the NUL. */
size_t cfs_show_text(struct cfs_text text, char *out, size_t cap);

#endif
