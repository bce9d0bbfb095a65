/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount_repo: images of a repository, for mount.composefs. */
#ifndef CFS_MOUNT_REPO_H
#define CFS_MOUNT_REPO_H

#include "mount/mount.h"

/* Mounts an image of the repository args->repo: becomes "composefs mount", which has what this
 * program has not: names of images, servers that verify and fetch. Returns after a failure
 * alone: the program was not found, or there is no memory. */
int mount_from_repo(const struct cfs_mount_args *args, const char *image,
		    const char *mountpoint, bool verbose,
		    struct cfs_err *err) CFS_MUST_CHECK;

#endif
