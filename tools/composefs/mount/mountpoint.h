/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What is mounted at a place that a command got. */
#ifndef CFS_COMPOSEFS_MOUNTPOINT_H
#define CFS_COMPOSEFS_MOUNTPOINT_H

#include "cli/complete.h"
#include "mount/mount.h"

/* Starts zeroed; free with mountpoint_fini. */
struct mountpoint {
	struct cfs_mount_table table;
	struct cfs_image_mount image; /* borrows from table; valid if is_image */
	bool is_known; /* the rest is; not before Linux 5.8, or without /proc */
	bool is_image; /* path is in a mount that shows an image */
	bool is_root;  /* path is the root of its mount */
};

/* Looks up the mount in which path lies. -ENOMEM, or the code of open(2) for path. */
int mountpoint_find(const char *path, struct mountpoint *out,
		    struct cfs_err *err) CFS_MUST_CHECK;
void mountpoint_fini(struct mountpoint *m);

/* Completes an operand: the places where an image is mounted. */
void mountpoint_complete(struct cli_completion *c);

#endif
