/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount/layers: an ordinary overlay over a directory, such as /etc of a system.
 * Owns:  its mount, by descriptors; the attributes of a new upper directory.
 * Uses:  base.
 * Never: knows images.
 */
#ifndef CFS_MOUNT_LAYERS_H
#define CFS_MOUNT_LAYERS_H

#include "base/base.h"

/* Directories; O_PATH is enough. All borrowed. */
struct cfs_mount_layers {
	int lower, upper, work;
	const char *source; /* in the mount table */
};

/* Makes the overlay, as a detached mount *out. The mounts of the layers must be attached in
 * the mount namespace of the caller: Linux before 6.15 takes no others. -EROFS: the kernel
 * can only mount it read-only. Otherwise -errno, with what the kernel reported. */
int cfs_mount_layers(const struct cfs_mount_layers *layers, int *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Gives upper the owner, mode, xattrs and times of the directory from, if upper belongs to
 * the caller and was never used: it and work are empty. The root directory of an overlay
 * shows them instead of those of the lower layer. All are open for reading. */
int cfs_mount_copy_root(int from, int upper, int work,
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
