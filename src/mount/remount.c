/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Changes the attributes of an existing mount. */
#include "mount/mount.h"

#include <errno.h>
#include <linux/magic.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>

#include "mount/mount_priv.h"
#include "mount/sys_mount.h"

/* A digest among the options does not count: the image is not verified again. */
static uint64_t kept_flags(const struct statvfs *now, uint64_t allowed)
{
	uint64_t keep = 0;

	if (now->f_flag & ST_NOSUID && !(allowed & MOUNT_ATTR_NOSUID))
		keep |= MS_NOSUID;
	if (now->f_flag & ST_NODEV && !(allowed & MOUNT_ATTR_NODEV))
		keep |= MS_NODEV;
	return keep;
}

int cfs_mount_remount(const char *mountpoint, const struct cfs_mount_opts *o,
		      uint64_t allowed, struct cfs_err *err)
{
	uint64_t flags = MS_REMOUNT | MS_BIND | cfs_mount_old_flags(o->attr);
	struct statfs type;
	struct statvfs now;

	if (statfs(mountpoint, &type) < 0 || statvfs(mountpoint, &now) < 0)
		return cfs_fail_errno(err, "mount point %s", mountpoint);
	if (type.f_type != OVERLAYFS_SUPER_MAGIC)
		return cfs_fail(err, EINVAL, "remount: no image is mounted at %s",
				mountpoint);
	if (o->readonly)
		flags |= MS_RDONLY;
	flags |= kept_flags(&now, allowed);
	if (mount(NULL, mountpoint, NULL, flags, NULL) == 0)
		return 0;
	if (errno == EINVAL)
		return cfs_fail(err, EINVAL, "remount: %s is not the root of a mount",
				mountpoint);
	return cfs_fail_errno(err, "remount %s", mountpoint);
}
