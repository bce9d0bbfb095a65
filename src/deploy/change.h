/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Changes of deployments. The place is locked. */
#ifndef CFS_DEPLOY_CHANGE_H
#define CFS_DEPLOY_CHANGE_H

#include "deploy/list.h"
#include "repo/repo.h"

/* Removes a deployment with its /etc; repo is open for WRITE. -EBUSY: it is booted, pinned,
 * or the one that a rollback would boot; the last is removed with force. -EINVAL: the entry
 * is not ours. */
int cfs_deploy_remove(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		      const struct cfs_deployment *d, bool force,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Makes a deployment the next one, under a new generation; NULL: the one with is_rollback.
 * One whose boots all failed may be tried as often again. name gets the name of its entry.
 * -ENOENT: there is no such deployment; -EALREADY: it is the next one already; -EINVAL: not
 * ours. */
int cfs_deploy_roll_back(const struct cfs_deploy_place *place,
			 const struct cfs_deployments *list,
			 const struct cfs_deployment *d, char name[CFS_DEPLOY_NAME_MAX],
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Pins a deployment, so that it is not removed, or unpins it. -ENOENT: it has no state
 * directory; -EINVAL: not ours. */
int cfs_deploy_set_pinned(const struct cfs_deploy_place *place,
			  const struct cfs_deployment *d, bool pinned,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
