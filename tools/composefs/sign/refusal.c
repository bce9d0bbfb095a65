/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The options for keys, and the statuses of refusals. */
#include "composefs/sign/refusal.h"

#include <errno.h>

static int add_key_dir(const char **list, size_t *n, const char *dir, struct cfs_err *err)
{
	if (cfs_trust_add_dir(list, n, dir))
		return 0;
	return cfs_fail(err, E2BIG, "expected at most %d directories of keys",
			CFS_TRUST_DIRS_MAX);
}

int sig_parse_trusted(const char *value, void *out, struct cfs_err *err)
{
	struct cfs_trust *t = out;

	return add_key_dir(t->trusted, &t->n_trusted, value, err);
}

int sig_parse_revoked(const char *value, void *out, struct cfs_err *err)
{
	struct cfs_trust *t = out;

	return add_key_dir(t->revoked, &t->n_revoked, value, err);
}

static const struct sig_refusal refusals[] = {
	{0, CLI_OK, "verified"},	 {-ENODATA, 10, "unsigned"},
	{-EINVAL, 11, "malformed"},	 {-ENOKEY, 12, "no-key"},
	{-EBADMSG, 13, "bad-signature"}, {-EKEYREVOKED, 14, "revoked"},
	{-EILSEQ, 15, "other-image"},	 {-EPROTO, 16, "other-order"},
	{-ENXIO, 17, "other-name"},	 {-ESTALE, 18, "rolled-back"},
	{-ENOTTY, 19, "no-verity"},	 {-ENOPKG, 20, "other-algorithm"},
};

const struct sig_refusal *sig_find_refusal(int rc)
{
	static const struct sig_refusal failed = {0, CLI_FAILED, "unreadable"};

	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (refusals[i].code == rc)
			return &refusals[i];
	return &failed;
}
