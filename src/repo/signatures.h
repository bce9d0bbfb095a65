/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Signatures of images that are stored in the repository: signatures/ID/KEY.ed25519. They
 * are listed here, not verified.
 */
#ifndef CFS_REPO_SIGNATURES_H
#define CFS_REPO_SIGNATURES_H

#include "base/base.h"
#include "verity/verity.h"

struct cfs_repo;

/* IDs of keys, sorted. Starts zeroed. */
struct cfs_repo_signatures {
	struct cfs_arena arena;
	const char **keys;
	size_t n, cap;
};

/* Lists the keys of which the repository has a signature of the image. None is not an
 * error. Files that are not signatures by their name or type are passed over. */
int cfs_repo_list_signatures(const struct cfs_repo *repo, const struct cfs_digest *image,
			     struct cfs_repo_signatures *out,
			     struct cfs_err *err) CFS_MUST_CHECK;
void cfs_repo_signatures_fini(struct cfs_repo_signatures *list);

#endif
