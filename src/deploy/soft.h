/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Another system without a boot: systemd 254 and newer starts the one at /run/nextroot,
 * and the kernel goes on (systemd-soft-reboot.service(8)). */
#ifndef CFS_DEPLOY_SOFT_H
#define CFS_DEPLOY_SOFT_H

#include "boot/config.h"
#include "deploy/list.h"
#include "repo/repo.h"

/* Borrowed. */
struct cfs_soft_reboot {
	const struct cfs_boot_config *config; /* of the initrd */
	const struct cfs_watch *watch;	      /* may be NULL */
	/* Called with the root mounted at RUN/nextroot and noted as the running one in
	 * RUN/composefs/booted: it starts the reboot. */
	int (*start)(void *ctx, struct cfs_err *err);
	void *ctx;
};

/* Mounts the root of d at RUN/nextroot as the initrd would, in place of one that is mounted
 * there, and starts it. If that fails, nothing is left mounted there and RUN/composefs/booted is
 * as before. Nothing on the disk is changed, except that the new system uses its /etc.
 *
 * -ENOENT: it is not known which deployment runs. -EALREADY: d runs. -EINVAL: one of both
 * is not OURS or has no entry. -EXDEV: they have not the same kernel, initrd and kernel
 * arguments (apart from the image), so that only a boot brings d. The kernel that runs is taken to
 * be that of the running deployment's entry. Needs root. */
int cfs_deploy_soft_reboot(const struct cfs_deploy_place *place,
			   const struct cfs_repo *repo,
			   const struct cfs_deployments *list,
			   const struct cfs_deployment *d,
			   const struct cfs_soft_reboot *how,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
