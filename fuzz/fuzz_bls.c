/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Boot entries: keys and values lie inside the text, which ends. Versions: the order is the
 * same from both sides. */
#include "fuzz.h"

#include "bls/bls.h"

/* The lines are versions: the first is compared with all. */
static void compare_lines(struct cfs_text text)
{
	const char *end = text.len ? memchr(text.s, '\n', text.len) : NULL;
	struct cfs_text first = {text.s, end ? (size_t)(end - text.s) : 0}, value;

	if (!end)
		return;
	text = (struct cfs_text){end + 1, text.len - first.len - 1};
	fuzz_hold(cfs_bls_compare_versions(first, text) ==
		  -cfs_bls_compare_versions(text, first));
	fuzz_hold(cfs_bls_compare_versions(first, first) == 0);
	if (cfs_bls_find_release(text, first, &value))
		fuzz_hold(cfs_span_holds(cfs_text_span(text), cfs_text_span(value)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct cfs_span all = {data, len};
	struct cfs_text rest = cfs_span_text(all);
	struct cfs_bls_line line;
	struct cfs_bls_name name;

	while (cfs_bls_next(&rest, &line)) {
		fuzz_hold(cfs_span_holds(all, cfs_text_span(rest)));
		if (line.key.len)
			fuzz_hold(cfs_span_holds(all, cfs_text_span(line.value)));
	}
	if (cfs_bls_parse_name(cfs_span_text(all), CFS_TEXT(".conf"), &name))
		fuzz_hold(name.id.len > 0 && name.id.len < len);
	compare_lines(cfs_span_text(all));
	return 0;
}
