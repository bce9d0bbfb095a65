/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: mounts an image and its objects: options -> steps -> system calls.
 * Owns:  mount options and their text (options.h), the steps of a mount (steps.h), their
 *        execution, the loop device, user namespaces of ID mappings (idmap.h), the table of mounts (table.h), which of them show
 *        images (recognize.h).
 * Uses:  base, verity (digests, measuring), erofs (the header's constants).
 * Never: opens the image or parses its tree, prints, reads the environment.
 */
#ifndef CFS_MOUNT_H
#define CFS_MOUNT_H

#include "mount/idmap.h"
#include "mount/layers.h"
#include "mount/namespace.h"
#include "mount/options.h"
#include "mount/recognize.h"
#include "mount/record.h"
#include "mount/steps.h"
#include "mount/sys_mount.h"
#include "mount/table.h"

/* Mounts the image behind fd at mountpoint: check, inspect, steps, apply. fd stays the
 * caller's. taken may be NULL. Returns 0, or the codes of these functions. -EBUSY: another
 * mount uses upperdir or workdir; -EROFS: the kernel cannot write there. */
int cfs_mount_fd(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
		 struct cfs_mount_taken *taken, struct cfs_err *err) CFS_MUST_CHECK;

/* Changes the mount at mountpoint, but not its superblock: read-only or not, and the
 * attributes of o. Nothing is verified again, so nosuid and nodev stay set unless they
 * are in allowed. -EINVAL: no image is mounted there. */
int cfs_mount_remount(const char *mountpoint, const struct cfs_mount_opts *o,
		      uint64_t allowed, struct cfs_err *err) CFS_MUST_CHECK;

#endif
