/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Base64 (RFC 4648, section 4), in its one canonical form. */
#ifndef CFS_BASE_BASE64_H
#define CFS_BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/* Bytes that in decodes to, at most out_cap: their number goes to *out_len. False for anything but
 * whole groups of four, with padding where it belongs and no bit set that is not used: two
 * texts never mean the same bytes. */
bool cfs_base64_decode(struct cfs_text in, uint8_t *out, size_t out_cap, size_t *out_len);

#endif
