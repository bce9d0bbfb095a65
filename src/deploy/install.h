/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* New deployments. */
#ifndef CFS_DEPLOY_INSTALL_H
#define CFS_DEPLOY_INSTALL_H

#include "deploy/list.h"
#include "repo/repo.h"

/* Zero is the default. All borrowed. */
struct cfs_install {
	/* An ID or a reference of the repository. NULL in an upgrade: the reference that the
	 * system was installed by. */
	const char *image;
	const char *const *kargs; /* further kernel arguments */
	size_t n_kargs;
	const char *uki;  /* a UKI that boots the image; NULL: the kernel in the image */
	const char *kver; /* the directory below /usr/lib/modules; NULL: the only one */
	const char *os;	  /* name of the /var that is shared; NULL: "default" */
	unsigned tries; /* of boots, before the boot loader takes another; 0: no count */
	bool insecure;	/* boot it also where nothing is verified */
	const struct cfs_watch *watch;
};

/* A change of the user in /etc that hides a change of the new image. */
struct cfs_etc_conflict {
	char *path; /* below /etc */
	const char *what;
};

/* Free it with cfs_installed_fini. */
struct cfs_installed {
	struct cfs_digest image;
	struct cfs_etc_conflict *conflicts;
	size_t n_conflicts, conflicts_cap;
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

/* The same for the successor of a system: the running one, or else the next one. The new
 * deployment gets its kernel arguments, except for a UKI, and the changes that were made to its
 * /etc (etcmerge). 1: the image is installed; while it was not booted, its /etc is
 * made anew from that of the system. -ENOENT: no system, or it has no reference; -ENOTSUP: its /etc is no
 * overlay, or cannot be merged. */
int cfs_deploy_upgrade(const struct cfs_deploy_place *place, struct cfs_repo *repo,
		       const struct cfs_install *opts, struct cfs_installed *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Frees the conflicts, and zeroes it. A zeroed one is valid. */
void cfs_installed_fini(struct cfs_installed *done);

#endif
