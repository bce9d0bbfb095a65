/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands that sign and verify. */
#include "sig_commands.h"

#include <errno.h>
#include <string.h>

const struct command sig_commands[] = {
	{"sign", cmd_sign, "Sign an image, or a statement about images"},
	{"verify", cmd_verify, "Is an image signed by somebody who is trusted?"},
	{0},
};

bool sig_take_hash(const char *value, enum cfs_hash_alg *out)
{
	static const enum cfs_hash_alg algs[] = {CFS_SHA256, CFS_SHA512};

	for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++)
		if (strcmp(value, cfs_hash_name(algs[i])) == 0) {
			*out = algs[i];
			return true;
		}
	cli_say("composefs", "--hash: want sha256 or sha512, got \"%s\"", value);
	return false;
}

int sig_digest(int fd, enum cfs_hash_alg alg, bool require_verity, struct cfs_digest *out,
	       struct cfs_err *err)
{
	int rc = cfs_verity_measure(fd, out, err);

	if (rc == -ENOTTY && !require_verity)
		return cfs_verity_digest_fd(alg ? alg : CFS_SHA256, fd, 1, out, NULL,
					    err);
	if (rc == 0 && alg && out->alg != alg)
		return cfs_fail(err, EILSEQ, "want fs-verity with %s, found %s",
				cfs_hash_name(alg), cfs_hash_name(out->alg));
	return rc;
}
