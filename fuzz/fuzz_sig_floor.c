/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Floors: what is taken gives a file that is taken again, and where the version is the floor. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "sig/sig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_sig_statement s = {.name = CFS_TEXT("os"), .version = 42};
	struct cfs_mem out = {0}, again = {0};
	int rc = cfs_sig_floor_replace((struct cfs_text){(const char *)data, len}, &s,
				       &out, NULL);

	fuzz_hold(rc == 0 || rc == -EINVAL || rc == -ESTALE);
	if (rc == 0) {
		struct cfs_text text = {(const char *)out.p, out.len};

		fuzz_hold(cfs_sig_floor_replace(text, &s, &again, NULL) == 0);
		fuzz_hold(again.len == out.len && memcmp(again.p, out.p, out.len) == 0);
		s.version = 41;
		again.len = 0;
		fuzz_hold(cfs_sig_floor_replace(text, &s, &again, NULL) == -ESTALE);
	}
	free(again.p);
	free(out.p);
	return 0;
}
