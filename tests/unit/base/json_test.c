/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How many values untrusted JSON has. */
#include "base/json.h"

#include "t.h"

T(json_values_are_counted_outside_of_strings)
{
	static const struct {
		const char *text;
		size_t n; /* at most so many values are accepted */
	} cases[] = {
		{"", 1},	   {"1", 1},
		{"[]", 2},	   {"[1,2]", 3},
		{"{\"a\":{}}", 4}, {"\"[,:{\"", 1},
		{"\"\\\"[[\"", 1}, {"[\"\\\\\",[]]", 4},
		{"\"[[[", 1},	   {"\"\\", 1},
	};
	struct cfs_err err;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct cfs_text text = cfs_text(cases[i].text);

		t_eq(cfs_json_check_count(text, cases[i].n, NULL), 0);
		if (cases[i].n > 1)
			t_eq(cfs_json_check_count(text, cases[i].n - 1, &err), -EFBIG);
	}
	t_has(err.msg, "expected JSON of at most 3 values, got more");
}
