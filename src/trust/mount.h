/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* trust/mount: verifies the signature of an image that is mounted.
 * Owns:  the translation of mount options into a request to verify.
 * Uses:  mount (options), trust.
 * Never: mounts, prints.
 */
#ifndef CFS_TRUST_MOUNT_H
#define CFS_TRUST_MOUNT_H

#include "mount/mount.h"

/* The context of the check; everything in it is borrowed. */
struct cfs_trust_mount {
	const struct cfs_mount_args *args;
	const char *image; /* path, or a name for messages */
	/* As in struct cfs_trust; set by the caller. NULL: the signature is beside the
	 * image. */
	const char *signatures;
	const int *repo_fd;
};

/* Sets the signature check of args: if they require a signature, it is verified as they
 * say, over the digest that is mounted. v must live as long as args are used. In a build
 * without signatures this does nothing, and a mount that requires one is refused. */
void cfs_trust_check_mount(struct cfs_trust_mount *v, struct cfs_mount_args *args,
			   const char *image);

#endif
