/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Boot entries: keys and values lie inside the text, which ends. */
#include "fuzz.h"

#include "bls/bls.h"

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
	return 0;
}
