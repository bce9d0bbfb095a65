/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A mount namespace without anything in it, for the server of a layer. As long as a process is in a mount
 * namespace, the namespace exists, with every mount; the server lives as long as its mount. In the namespace of
 * its user, each would keep the other. */
#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

#include "fuse/fuse_priv.h"
#include "mount/mount.h"

/* An empty directory. */
static int mount_empty(struct cfs_err *err)
{
	cfs_autofd int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int mount;

	if (context < 0 || fsconfig(context, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
	    fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return cfs_fail_errno(err, "tmpfs");
	mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return mount < 0 ? cfs_fail_errno(err, "tmpfs") : mount;
}

int fuse_leave_mounts(struct cfs_err *err)
{
	cfs_autofd int mount = -1;
	int rc = cfs_namespace_enter(err);

	if (rc < 0)
		return rc;
	mount = mount_empty(err);
	if (mount < 0)
		return mount;
	if (move_mount(mount, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH) < 0 ||
	    fchdir(mount) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0)
		return cfs_fail_errno(err, "leaving the mount namespace");
	return 0;
}
