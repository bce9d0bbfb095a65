/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Key files: what is no key is refused with a reason; the keys themselves may be any bytes. */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "sig/sig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const uint8_t signature[CFS_SIG_LEN];
	struct cfs_text file = {(const char *)data, len};
	struct cfs_sig_secret secret;
	struct cfs_sig_key key;
	struct cfs_err err = {""};
	int rc = cfs_sig_key_parse(file, &key, &err);

	if (rc == 0)
		fuzz_hold(!cfs_sig_verify_one(&key, cfs_text_span(file), signature));
	else
		fuzz_hold((rc == -EINVAL || rc == -ENOTSUP) &&
			  strncmp(err.msg, "key: ", 5) == 0);
	rc = cfs_sig_secret_parse(file, &secret, &err);
	fuzz_hold(rc == 0 || rc == -EINVAL || rc == -ENOTSUP);
	return 0;
}
