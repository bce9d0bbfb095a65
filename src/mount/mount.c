/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mounts an image from its options: check, inspect, compute the steps, apply. */
#include "mount/mount.h"

#include "mount/mount_priv.h"

int cfs_mount_fd(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
		 struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_mount_opts opened = *o;
	struct cfs_mount_dirs dirs = {0};
	struct cfs_mount_facts facts;
	struct cfs_steps steps;
	cfs_autofd int lock = -1;
	int rc = cfs_mount_check(o, err);

	if (rc == 0)
		rc = mount_lock_upper(o, &lock, err);
	if (rc == 0)
		rc = cfs_mount_inspect(fd, &opened, &dirs, &facts, err);
	if (rc == 0)
		rc = cfs_mount_steps(&opened, &facts, &steps, err);
	if (rc == 0) {
		rc = cfs_mount_apply(&steps, fd, mountpoint, taken, err);
		cfs_steps_fini(&steps);
	}
	cfs_mount_dirs_close(&dirs);
	return rc;
}
