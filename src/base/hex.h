/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Hexadecimal digits. */
#ifndef CFS_BASE_HEX_H
#define CFS_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* The value of one hex digit of either case, or -1. */
int cfs_hex_decode_digit(char c);

/* Decodes exactly 2 * out_len digits of either case. Returns false if in is anything
 * else. */
bool cfs_hex_decode(struct cfs_text in, uint8_t *out, size_t out_len);

/* Writes 2 * in_len lowercase digits; no NUL. */
void cfs_hex_encode(const uint8_t *in, size_t in_len, char *out);

/* Parses an unsigned number in base 2 to 16 and the character end after it, and moves
 * *text past both. False: no digit, more than 64 bits, or another character. */
bool cfs_take_number(const char **text, unsigned base, char end, uint64_t *out);

#endif
