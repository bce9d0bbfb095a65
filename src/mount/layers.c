/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An ordinary overlay by descriptors. */
#include "mount/layers.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/statvfs.h>

#include "mount/mount_priv.h"
#include "mount/sys_mount.h"

static int fail_overlay(int context, const char *what, struct cfs_err *err)
{
	char log[512];
	int errnum = errno;

	mount_read_log(context, log, sizeof(log));
	errno = errnum;
	return cfs_fail(err, errnum, "overlay: %s: %m%s%s", what, *log ? ": " : "", log);
}

static int set_layer(int context, const char *key, int fd, struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];

	if (fsconfig(context, FSCONFIG_SET_STRING, key, cfs_proc_format_fd(fd, path),
		     0) == 0)
		return 0;
	return fail_overlay(context, key, err);
}

/* Sets the layers as descriptors, and creates the overlay. context belongs to the
 * caller. */
static int configure_overlay(int context, const struct cfs_mount_layers *layers,
			     struct cfs_err *err)
{
	int rc = 0;

	if (fsconfig(context, FSCONFIG_SET_STRING, "source", layers->source, 0) < 0)
		rc = fail_overlay(context, "source", err);
	if (rc == 0)
		rc = set_layer(context, "lowerdir", layers->lower, err);
	if (rc == 0)
		rc = set_layer(context, "upperdir", layers->upper, err);
	if (rc == 0)
		rc = set_layer(context, "workdir", layers->work, err);
	if (rc == 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		rc = fail_overlay(context, "mount", err);
	return rc;
}

int cfs_mount_layers(const struct cfs_mount_layers *layers, int *out, struct cfs_err *err)
{
	cfs_autofd int context = fsopen("overlay", FSOPEN_CLOEXEC);
	cfs_autofd int mount = -1;
	struct statvfs fs;
	int rc;

	if (context < 0)
		return cfs_fail_errno(err, "overlay");
	rc = configure_overlay(context, layers, err);
	if (rc < 0)
		return rc;
	mount = fsmount(context, FSMOUNT_CLOEXEC, 0);
	if (mount < 0)
		return fail_overlay(context, "fsmount", err);
	if (fstatvfs(mount, &fs) < 0)
		return cfs_fail_errno(err, "overlay: flags of the mount");
	if (fs.f_flag & ST_RDONLY)
		return cfs_fail(
			err, EROFS,
			"overlay: the kernel can only mount it read-only; dmesg(1) "
			"has the reason");
	*out = cfs_steal_fd(&mount);
	return 0;
}
