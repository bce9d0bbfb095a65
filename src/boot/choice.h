/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* boot/choice: which images may be booted, and how: arguments and configuration -> rules.
 * Owns:  what kernel arguments may change. Those of boot entries of type 1 are not signed,
 *        so they can make a boot stricter, but not less strict unless the configuration
 *        says so.
 * Uses:  boot/args, boot/config.
 * Never: opens files.
 */
#ifndef CFS_BOOT_CHOICE_H
#define CFS_BOOT_CHOICE_H

#include "boot/args.h"
#include "boot/config.h"

/* How the root directory is mounted. */
enum cfs_boot_root {
	CFS_BOOT_ROOT_READONLY,
	CFS_BOOT_ROOT_TRANSIENT,
	CFS_BOOT_ROOT_TRANSIENT_RO, /* writable in a private mount namespace that remounts it */
};

struct cfs_boot_choice {
	/* Tried in order; the first that exists is used. None: a pointer on the disk says
	 * which: the link or file boot/current of the repository, or the deployment. */
	struct cfs_boot_image images[CFS_BOOT_IMAGES_MAX];
	size_t n_images;
	bool require_signature;
	char repo[CFS_BOOT_PATH_MAX], state[CFS_BOOT_PATH_MAX], keys[CFS_BOOT_PATH_MAX];
	char ostree[CFS_BOOT_PATH_MAX]; /* the deployment; "": the layout of composefs */
	enum cfs_boot_root root;
	enum cfs_boot_kind etc, var;
	bool sysroot_readonly;
};

/* -ENODATA: the mode needs a digest, and there is none. -EPERM: the configuration does not
 * allow what the arguments ask for. watch is warned of arguments that have no effect. */
int cfs_boot_choose(const struct cfs_boot_args *args,
		    const struct cfs_boot_config *config, const struct cfs_watch *watch,
		    struct cfs_boot_choice *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
