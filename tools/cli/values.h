/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* values: parses the values of options.
 * Owns:  the grammar of numbers, sizes and times.
 * Uses:  base.
 * Never: prints.
 */
#ifndef CFS_VALUES_H
#define CFS_VALUES_H

#include <stdbool.h>
#include <stdint.h>

/* Parses a decimal number with an optional sign. Returns false for anything else, and on
 * overflow. */
bool cli_parse_number(const char *text, long long *out);

/* Parses a size with an optional unit of 1024: "512", "10M", "1G" (K, M, G, T; KiB and KB
 * mean the same as K). */
bool cli_parse_size(const char *text, long long *out);

/* Parses a time in seconds, with an optional unit: "90", "90s", "5min", "1h", "30d" (s, m
 * or min, h, d, w). */
bool cli_parse_time(const char *text, long long *out);

#endif
