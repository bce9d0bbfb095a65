/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* PE files: whatever the bytes, contents of sections lie inside the file. */
#include "fuzz.h"

#include "pe/pe.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct cfs_text names[] = {CFS_TEXT(".cmdline"), CFS_TEXT(".osrel"),
						CFS_TEXT("")};
	struct cfs_span file = {data, len}, content;
	struct cfs_err err = {""};
	struct cfs_pe pe;

	if (cfs_pe_open(file, &pe, &err) < 0) {
		fuzz_hold(err.msg[0]);
		return 0;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (cfs_pe_find(&pe, names[i], &content, &err) == 1)
			fuzz_hold(cfs_span_holds(file, content));
	return 0;
}
