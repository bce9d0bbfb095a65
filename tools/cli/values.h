/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* values: the text of option values.
 * Owns:  the grammar of numbers, sizes and times.
 * Uses:  base.
 * Never: prints.
 */
#ifndef CFS_VALUES_H
#define CFS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* A whole decimal number, with an optional sign. False for anything else, and for one that does not fit. */
bool cli_number(const char *text, long long *out);

/* A number of bytes, with an optional unit of 1024: "512", "10M", "1G" (K, M, G, T; KiB and KB, ... mean the same). */
bool cli_parse_size(const char *text, long long *out);

/* A number of seconds, with an optional unit: "90", "90s", "5min", "1h", "30d" (s, m or min, h, d, w). */
bool cli_parse_time(const char *text, long long *out);

#endif
