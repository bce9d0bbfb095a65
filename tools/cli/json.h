/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* json: text as a JSON string.
 * Owns:  the escaping.
 * Uses:  base (show, UTF-8).
 * Never: knows a command.
 */
#ifndef CFS_JSON_H
#define CFS_JSON_H

#include <stddef.h>
#include <stdio.h>

/* Writes text as a JSON string, quotes included. Bytes that are not UTF-8 become U+FFFD. */
void json_text(FILE *to, const char *text, size_t len);

#endif
