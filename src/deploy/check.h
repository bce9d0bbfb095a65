/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether a deployment can be booted, found out before it is. */
#ifndef CFS_DEPLOY_CHECK_H
#define CFS_DEPLOY_CHECK_H

#include "deploy/list.h"
#include "repo/repo.h"

/* One thing that was checked. */
struct cfs_deploy_finding {
	const char *check; /* "kernel"; static */
	bool ok;
	char why[CFS_ERR_MAX]; /* the reason, if not ok */
};

enum { CFS_DEPLOY_CHECKS = 5 };

struct cfs_deploy_report {
	struct cfs_deploy_finding v[CFS_DEPLOY_CHECKS];
	size_t n;
	bool ok; /* all of them */
};

/* Checks, and reads all that follows also after a failure:
 * - entry: it is there, and boots are left to try;
 * - kernel: the files on the boot partition are those that were installed (OURS alone);
 * - image: it is in the repository, and has its digest;
 * - objects: each exists, and in a repository with fs-verity has its digest;
 * - mount: the code of the initrd, with the kernel arguments of the entry, makes the root
 *   filesystem in a private mount namespace of this kernel (without /etc of the deployment,
 *   which stays unused). Needs root.
 * Fails only if the report is incomplete: -ECANCELED, -ENOMEM. */
int cfs_deploy_check(const struct cfs_deploy_place *place, const struct cfs_repo *repo,
		     const struct cfs_deployment *d, const struct cfs_watch *watch,
		     struct cfs_deploy_report *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
