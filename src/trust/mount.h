/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* vouch: signatures for what is mounted.
 * Owns:  the way from mount options to the check of a signature.
 * Uses:  mount (options), trust.
 * Never: mounts, prints.
 */
#ifndef CFS_VOUCH_H
#define CFS_VOUCH_H

#include "mount/mount.h"

/* What a mount is asked to go by; lent. */
struct cfs_trust_mount {
	const struct cfs_mount_args *args;
	const char *image; /* path, or what the image is called */
	/* As in struct cfs_trust; set by the caller. NULL: the signature is beside the image. */
	const char *signatures;
	const int *repo_fd;
};

/* Where args require a signature, has it checked as they say, over the digest that is mounted. v lives as
 * long as args are used. In a build without signatures it does nothing, and such a mount is
 * refused. */
void cfs_trust_check_mount(struct cfs_trust_mount *v, struct cfs_mount_args *args,
			   const char *image);

#endif
