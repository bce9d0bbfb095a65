/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mounting what a command finds by a name.
 */
#ifndef CFS_COMPOSEFS_MOUNT_H
#define CFS_COMPOSEFS_MOUNT_H

#include "composefs/composefs.h"
#include "repo/repo.h"

/* Finds an image by name; errors as cfs_repo_find_image. */
typedef int (*mount_find_fn)(const struct cfs_repo *repo, const char *name,
			     struct cfs_digest *out, struct cfs_err *err);

/* A command with the options of "mount" and the operands NAME MOUNTPOINT. about: its texts. */
int mount_named(const struct cli_syntax *about, mount_find_fn find, int argc,
		char **argv);

#endif
