/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether a file is in use: open in any process, or mounted in any mount namespace.
 */
#ifndef CFS_REPO_IN_USE_H
#define CFS_REPO_IN_USE_H

#include "verity/verity.h"

struct cfs_repo;

enum cfs_repo_use {
	CFS_REPO_UNUSED,
	CFS_REPO_USED,
	CFS_REPO_USE_UNKNOWN, /* the filesystem cannot tell, or this user may not ask */
};

/* Whether a regular file is in use: an enum cfs_repo_use, or -errno. */
int cfs_repo_file_use(int fd, struct cfs_err *err) CFS_MUST_CHECK;

/* The same for an object; CFS_REPO_UNUSED if it does not exist or is not a regular
 * file. */
int cfs_repo_object_use(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Why a file is kept that is not CFS_REPO_UNUSED. */
const char *cfs_repo_use_reason(int use);

#endif
