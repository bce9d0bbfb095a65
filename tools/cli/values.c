/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Parses numbers with and without a unit. */
#include "cli/values.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <strings.h>

bool cli_parse_number(const char *text, long long *out)
{
	char *end;

	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno == 0 && end != text && *end == '\0';
}

struct unit {
	const char *name;
	long long factor;
};

/* units ends with a row without a name. */
static bool parse_with_unit(const char *text, const struct unit *units, long long *out)
{
	char *end;
	long long n;

	/* strtoll() skips blanks and takes a sign. */
	if (!isdigit((unsigned char)*text))
		return false;
	errno = 0;
	n = strtoll(text, &end, 10);
	if (errno)
		return false;
	while (units->name && strcasecmp(units->name, end) != 0)
		units++;
	return units->name && !__builtin_mul_overflow(n, units->factor, out);
}

bool cli_parse_size(const char *text, long long *out)
{
	static const struct unit units[] = {
		{"", 1},	   {"B", 1},	       {"K", 1LL << 10},
		{"KB", 1LL << 10}, {"KiB", 1LL << 10}, {"M", 1LL << 20},
		{"MB", 1LL << 20}, {"MiB", 1LL << 20}, {"G", 1LL << 30},
		{"GB", 1LL << 30}, {"GiB", 1LL << 30}, {"T", 1LL << 40},
		{"TB", 1LL << 40}, {"TiB", 1LL << 40}, {0},
	};

	return parse_with_unit(text, units, out);
}

bool cli_parse_time(const char *text, long long *out)
{
	static const struct unit units[] = {
		{"", 1},	{"s", 1},     {"m", 60},     {"min", 60},
		{"h", 60 * 60}, {"d", 86400}, {"w", 604800}, {0},
	};

	return parse_with_unit(text, units, out);
}
