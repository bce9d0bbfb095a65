/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "base/json.h"

#include <errno.h>

/* The index of the quote that ends the string which began before i, or the end of the text. */
static size_t skip_json_string(struct cfs_text json, size_t i)
{
	while (i < json.len && json.s[i] != '"')
		i += json.s[i] == '\\' ? 2 : 1;
	return i;
}

/* Each value but the first follows one of these characters. */
int cfs_json_check_count(struct cfs_text json, size_t max, struct cfs_err *err)
{
	size_t n = 1;

	for (size_t i = 0; i < json.len; i++) {
		char c = json.s[i];

		if (c == '"')
			i = skip_json_string(json, i + 1);
		n += c == ',' || c == ':' || c == '[' || c == '{';
		if (n > max)
			return cfs_fail(err, EFBIG,
					"expected JSON of at most %zu values, got more",
					max);
	}
	return 0;
}
