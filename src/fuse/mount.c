/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* FUSE mounts by system calls. */
#include "fuse/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "mount/mount.h"

#define ROOT_MODE "40000" /* a directory, in octal */

/* Fails with what the kernel reported on the context, if it did. */
static int fail_fs_config(int context, const char *key, struct cfs_err *err)
{
	int code = errno;
	char text[256];
	ssize_t n = read(context, text, sizeof(text) - 1);

	if (n > 2) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		return cfs_fail(err, code, "fuse: %s", text + 2);
	}
	errno = code;
	return cfs_fail_errno(err, "fuse: %s", key);
}

static int set_fuse_string(int context, const char *key, const char *value,
			   struct cfs_err *err)
{
	if (fsconfig(context, FSCONFIG_SET_STRING, key, value, 0) == 0)
		return 0;
	return fail_fs_config(context, key, err);
}

static int set_fuse_number(int context, const char *key, unsigned value,
			   struct cfs_err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return set_fuse_string(context, key, text, err);
}

static int set_fuse_flag(int context, const char *key, struct cfs_err *err)
{
	if (fsconfig(context, FSCONFIG_SET_FLAG, key, NULL, 0) == 0)
		return 0;
	return fail_fs_config(context, key, err);
}

/* Read-only, and with the checks of permissions done by the kernel. allow_other only if
 * asked for: then other users depend on this process. */
static int configure_mount(int context, const struct cfs_fuse_mount_opts *o, int dev,
			   struct cfs_err *err)
{
	int rc = set_fuse_string(context, "source", o->source ? o->source : "composefs",
				 err);

	if (rc == 0)
		rc = set_fuse_string(context, "subtype", "composefs", err);
	if (rc == 0)
		rc = set_fuse_number(context, "fd", (unsigned)dev, err);
	if (rc == 0)
		rc = set_fuse_string(context, "rootmode", ROOT_MODE, err);
	if (rc == 0)
		rc = set_fuse_number(context, "user_id", geteuid(), err);
	if (rc == 0)
		rc = set_fuse_number(context, "group_id", getegid(), err);
	if (rc == 0)
		rc = set_fuse_flag(context, "default_permissions", err);
	if (rc == 0 && o->allow_other)
		rc = set_fuse_flag(context, "allow_other", err);
	if (rc == 0)
		rc = set_fuse_flag(context, "ro", err);
	if (rc == 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		rc = fail_fs_config(context, "create", err);
	return rc;
}

int cfs_fuse_mount_detached(const struct cfs_fuse_mount_opts *o, int *dev,
			    struct cfs_err *err)
{
	cfs_autofd int fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	cfs_autofd int context = -1;
	int mount, rc;

	if (fuse < 0)
		return cfs_fail_errno(err, "/dev/fuse");
	context = fsopen("fuse", FSOPEN_CLOEXEC);
	if (context < 0)
		return cfs_fail_errno(err, "fsopen fuse");
	rc = configure_mount(context, o, fuse, err);
	if (rc < 0)
		return rc;
	mount = fsmount(context, FSMOUNT_CLOEXEC,
			(unsigned)(o->attr | MOUNT_ATTR_RDONLY));
	if (mount < 0)
		return fail_fs_config(context, "fsmount", err);
	*dev = cfs_steal_fd(&fuse);
	return mount;
}

int cfs_fuse_attach(int mount, const char *mountpoint, struct cfs_err *err)
{
	if (move_mount(mount, "", AT_FDCWD, mountpoint,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
		return 0;
	return cfs_fail_errno(err, "mount point %s", mountpoint);
}
