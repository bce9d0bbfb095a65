/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names that must be references of images. */
#include "composefs/repo/reference.h"

#include <errno.h>

int repo_fail_reference(const struct cfs_repo *repo, const char *name, int rc,
			struct cfs_err *err)
{
	struct cfs_hash_prefix prefix;
	struct cfs_digest id;

	/* A whole ID is no valid name of a reference: -EINVAL. */
	if (!cfs_hash_parse_prefix(cfs_text(name), &prefix) ||
	    (rc != -ENOENT && (rc != -EINVAL || prefix.digits.len < 2 * CFS_SHA256_LEN)))
		return rc;
	if (cfs_repo_find_image(repo, name, &id, NULL) == 0)
		return cfs_fail(err, -rc,
				"expected a reference, got an image ID: \"%s\"; "
				"\"composefs images\" lists the references of images",
				name);
	return rc;
}
