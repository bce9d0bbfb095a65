/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether an object is in use: open in any process, or mounted in any mount namespace. */
#ifndef CFS_REPO_IN_USE_H
#define CFS_REPO_IN_USE_H

#include "verity/verity.h"

struct cfs_repo;

/* Whether an object is in use: an enum cfs_file_use, or -errno. CFS_FILE_UNUSED if it does not exist or is not a regular
 * file. */
int cfs_repo_object_use(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
