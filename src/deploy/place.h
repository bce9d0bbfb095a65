/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where deployments are, and the locks of those who change them. */
#ifndef CFS_DEPLOY_PLACE_H
#define CFS_DEPLOY_PLACE_H

#include "base/base.h"

/* Directories of a deployment, below the state disk. */
#define CFS_DEPLOY_STATE_DIR "state/deploy"

struct cfs_deploy_place {
	const char *root; /* the state disk */
	const char *boot; /* the boot partition */
	const char
		*run; /* /run of the running system, which has the record of its boot */
	int rootfd, bootfd, runfd; /* O_PATH; runfd is -1 if there is none */
	int state_lock, boot_lock;
};

/* Opens the directories, which are borrowed. Call cfs_deploy_close in any case. */
int cfs_deploy_open(const char *root, const char *boot, const char *run,
		    struct cfs_deploy_place *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_deploy_close(struct cfs_deploy_place *place);

/* Makes the state disk writable for this thread if it is mounted read-only, as it is below
 * /sysroot of a running system: in a private mount namespace. Call it before
 * cfs_deploy_open. -EROFS: the filesystem itself is read-only; needs root then. */
int cfs_deploy_make_writable(const char *root, struct cfs_err *err) CFS_MUST_CHECK;

/* Locks both for changes, until cfs_deploy_close. -EBUSY: timeout; err names the holder. */
int cfs_deploy_lock(struct cfs_deploy_place *place, const struct cfs_lock_wait *wait,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The boot partition if none is named: of /boot, /efi and /boot/efi the first that has a
 * directory loader/entries; NULL: none. Static. */
const char *cfs_deploy_default_boot(void);

/* The state disk if none is named: /sysroot if it has a repository, else "/". Static. */
const char *cfs_deploy_default_root(void);

#endif
