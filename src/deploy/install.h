/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* New deployments. */
#ifndef CFS_DEPLOY_INSTALL_H
#define CFS_DEPLOY_INSTALL_H

#include "deploy/list.h"
#include "repo/repo.h"

/* Zero is the default. All borrowed. */
struct cfs_install {
	const char *image;	  /* an ID or a reference of the repository */
	const char *const *kargs; /* further kernel arguments */
	size_t n_kargs;
	const char *uki;  /* a UKI that boots the image; NULL: the kernel in the image */
	const char *kver; /* the directory below /usr/lib/modules; NULL: the only one */
	const char *os;	  /* name of the /var that is shared; NULL: "default" */
	unsigned tries; /* of boots, before the boot loader takes another; 0: no count */
	bool insecure;	/* boot it also where nothing is verified */
	const struct cfs_watch *watch;
};

struct cfs_installed {
	struct cfs_digest image;
	char entry[CFS_DEPLOY_NAME_MAX]; /* the name of its file */
	bool etc_existed; /* a state directory that was booted before is used as it is */
};

/* Installs an image of a repository that is open for WRITE; the place is locked. It becomes
 * the next deployment. Nothing is written if the image or an object is missing, or if the
 * boot partition has no room. -EEXIST: the image is installed; -ENOSPC; -ENODATA: no
 * kernel; -ENOTUNIQ: several kernels; -ENOTTY: the repository has no fs-verity, and
 * insecure is not set; -EILSEQ: the UKI boots another image. */
int cfs_deploy_install(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		       const struct cfs_install *opts, struct cfs_installed *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
