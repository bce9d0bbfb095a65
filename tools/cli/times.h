/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* times: points in time as text.
 * Owns:  the forms for people and for programs, the grammar of options.
 * Uses:  base.
 * Never: asks for the time.
 */
#ifndef CFS_TIMES_H
#define CFS_TIMES_H

#include <stdbool.h>
#include <stdint.h>

enum { CLI_TIME_MAX = 64 };

/* "2026-11-30 18:46", in the time zone of the user; "@SECONDS" for a year that has no name. Returns out. */
const char *cli_format_local_time(int64_t sec, char out[CLI_TIME_MAX]);

/* "2026-11-30T18:46:05Z" (RFC 3339), or as above. Returns out. */
const char *cli_format_utc_time(int64_t sec, char out[CLI_TIME_MAX]);

/* "2026-11-30", with "18:46" or "18:46:05" behind a blank or T, with Z for UTC, else in the time zone of the user;
 * "@SECONDS" since 1970; "90s", "1h" or "30d" before now. False for anything else. */
bool cli_parse_when(const char *text, int64_t now, int64_t *out);

#endif
