/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Statements: what parses is written to the same bytes, so that one statement has one signature. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "sig/sig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_text text = {(const char *)data, len};
	struct cfs_sig_statement s;
	struct cfs_mem again = {0};
	struct cfs_err err = {""};
	int rc = cfs_sig_statement_parse(text, &s, &err);

	if (rc < 0) {
		fuzz_hold(rc == -EINVAL && strncmp(err.msg, "statement: ", 11) == 0);
		return 0;
	}
	fuzz_hold(cfs_sig_statement_check_images(&s, s.images, s.n_images, NULL) == 0);
	fuzz_hold(cfs_sig_statement_format(&s, &again, NULL) == 0);
	fuzz_hold(again.len == len && memcmp(again.p, data, len) == 0);
	free(again.p);
	return 0;
}
