/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo, inside: files that leave their place in objects/ while somebody may use them. */
#ifndef CFS_REPO_ASIDE_H
#define CFS_REPO_ASIDE_H

#include "repo/repo_priv.h"

/* Moves what stands under the name of the object to REPO_ASIDE. */
int repo_move_aside(const struct cfs_repo *repo, const struct cfs_digest *id,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* For cfs_store_opts: an object that is replaced by another file gets a name in REPO_ASIDE first, and loses
 * it afterwards unless it is in use. It is asked when nobody can open it by its old name any more. */
int repo_keep_replaced(const void *repo, const struct cfs_digest *id,
		       struct cfs_err *err) CFS_MUST_CHECK;
int repo_drop_replaced(const void *repo, const struct cfs_digest *id, int number,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
