/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Base64 (RFC 4648, section 4), canonical form only. */
#ifndef CFS_BASE_BASE64_H
#define CFS_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Decodes in to at most out_cap bytes and stores their number in *out_len. Returns false
 * unless in consists of whole groups of four, is padded correctly, and has no unused bit
 * set. Two different texts therefore never decode to the same bytes. */
bool cfs_base64_decode(struct cfs_text in, uint8_t *out, size_t out_cap, size_t *out_len);

/* Writes the (in_len + 2) / 3 * 4 digits of in and a NUL. */
void cfs_base64_encode(const void *in, size_t in_len, char *out);

#endif
