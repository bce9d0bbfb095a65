/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Foreign text for people: names, paths and messages as they may reach a terminal. */
#ifndef CFS_BASE_SHOW_H
#define CFS_BASE_SHOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Bytes of the character of UTF-8 at p, of which there are left; 0: it is none. */
size_t cfs_utf8_len(const uint8_t *p, size_t left);

/* The number of that character. */
uint32_t cfs_utf8_decode(const uint8_t *p, size_t len);

/* Bytes at p that are not shown: a control character (C0, DEL, C1), one that changes the direction of text or
 * ends a line (U+061C, U+200E, U+200F, U+2028 to U+202E, U+2066 to U+2069), or one byte that is not UTF-8. 0: what is there is
 * shown as it is. */
size_t cfs_show_hidden_len(const uint8_t *p, size_t left);

enum { CFS_SHOW_FACTOR = 4 }; /* bytes of text for one byte at most: \xNN */

/* Writes text to out, its hidden bytes as \xNN, and a NUL behind; what does not fit into cap is left out, whole
 * characters only. Returns the length without the NUL. */
size_t cfs_show(struct cfs_text text, char *out, size_t cap);

#endif
