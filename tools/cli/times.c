/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Points in time as text. */
#include "cli/times.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/values.h"

/* For a year that struct tm cannot hold. */
static const char *format_seconds(int64_t sec, char out[CLI_TIME_MAX])
{
	snprintf(out, CLI_TIME_MAX, "@%" PRId64, sec);
	return out;
}

const char *cli_format_local_time(int64_t sec, char out[CLI_TIME_MAX])
{
	time_t when = sec;
	struct tm tm;

	if (!localtime_r(&when, &tm) ||
	    !strftime(out, CLI_TIME_MAX, "%Y-%m-%d %H:%M", &tm))
		return format_seconds(sec, out);
	return out;
}

const char *cli_format_utc_time(int64_t sec, char out[CLI_TIME_MAX])
{
	time_t when = sec;
	struct tm tm;

	if (!gmtime_r(&when, &tm) ||
	    !strftime(out, CLI_TIME_MAX, "%Y-%m-%dT%H:%M:%SZ", &tm))
		return format_seconds(sec, out);
	return out;
}

/* One of the forms of a date, with or without a time of day. */
static bool parse_date(const char *text, int64_t *out)
{
	static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%d %H:%M",
					    "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M:%S",
					    "%Y-%m-%dT%H:%M:%S"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *end = strptime(text, forms[i], &tm);

		if (!end || (*end && strcmp(end, "Z") != 0))
			continue;
		*out = *end ? timegm(&tm) : mktime(&tm);
		return true;
	}
	return false;
}

bool cli_parse_when(const char *text, int64_t now, int64_t *out)
{
	long long n;

	if (text[0] == '@' && cli_parse_number(text + 1, &n))
		*out = n;
	else if (!isdigit((unsigned char)text[0]))
		return false;
	else if (cli_parse_time(text, &n))
		return !__builtin_sub_overflow(now, n, out);
	else
		return parse_date(text, out);
	return true;
}
