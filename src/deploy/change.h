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

/* Removes deployments of ours after the first keep ones, but none that cfs_deploy_remove
 * would refuse. Adds their number to *n. */
int cfs_deploy_prune(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		     unsigned keep, size_t *n, struct cfs_err *err) CFS_MUST_CHECK;

/* Makes a deployment the next one, under a new generation; NULL: the one with is_rollback.
 * One whose boots all failed may be tried as often again. name gets the name of its entry.
 * Entries of bootc exchange their places. -ENOENT: there is no such deployment; -EALREADY:
 * it is the next one already; -EINVAL: not ours; -EBUSY: an upgrade by bootc is staged. */
int cfs_deploy_roll_back(const struct cfs_deploy_place *place,
			 const struct cfs_deployments *list,
			 const struct cfs_deployment *d, char name[CFS_DEPLOY_NAME_MAX],
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Kernel arguments to add, and to remove: as they are written, or by their key. Borrowed. */
struct cfs_karg_change {
	const char *const *add, *const *rm;
	size_t n_add, n_rm;
};

/* Changes the kernel arguments of a deployment: a new revision of its entry takes the place
 * of the old one. name gets the name of the entry. -ENOENT: an argument to remove is not
 * there; -EINVAL: not ours, a UKI, or the argument that names the image. */
int cfs_deploy_change_kargs(const struct cfs_deploy_place *place,
			    const struct cfs_deployments *list,
			    const struct cfs_deployment *d,
			    const struct cfs_karg_change *change,
			    char name[CFS_DEPLOY_NAME_MAX],
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Appends the kernel arguments of an entry of type 1, with a NUL. -EINVAL: a UKI, which has
 * them inside; -ENOENT: no entry. */
int cfs_deploy_read_kargs(const struct cfs_deployment *d, struct cfs_mem *out,
			  struct cfs_err *err) CFS_MUST_CHECK;

/* Pins a deployment, so that it is not removed, or unpins it. -ENOENT: it has no state
 * directory; -EINVAL: not ours. */
int cfs_deploy_set_pinned(const struct cfs_deploy_place *place,
			  const struct cfs_deployment *d, bool pinned,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
