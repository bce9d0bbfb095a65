/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What this process may mount. Everything is detached, and gone when its descriptor is closed. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "fuse/method.h"
#include "fuse/mount.h"
#include "mount/mount.h"

/* The right to mount is checked first, and an image missed afterwards. */
static int try_erofs(void)
{
	cfs_autofd int context = fsopen("erofs", FSOPEN_CLOEXEC);

	if (context < 0)
		return -errno;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0 || errno != EPERM)
		return 0;
	return -EPERM;
}

static int probe_fuse_device(void)
{
	int dev = -1;
	cfs_autofd int mount =
		cfs_fuse_mount_detached(&(struct cfs_fuse_mount_opts){0}, &dev, NULL);

	if (mount < 0)
		return mount;
	close(dev);
	return 0;
}

/* A detached tmpfs: a descriptor or -errno. */
static int mount_tmpfs(void)
{
	cfs_autofd int context = fsopen("tmpfs", FSOPEN_CLOEXEC);
	int fd;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -errno;
	fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	return fd < 0 ? -errno : fd;
}

static int add_probe_layer(int context, const char *key, int place, const char *name)
{
	cfs_autofd int dir = -1;

	if (mkdirat(place, name, 0755) < 0 && errno != EEXIST)
		return -errno;
	dir = openat(place, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 || fsconfig(context, FSCONFIG_SET_FD, key, NULL, dir) < 0)
		return -errno;
	return 0;
}

static int set_overlay_options(int context, bool userxattr)
{
	if (userxattr)
		return fsconfig(context, FSCONFIG_SET_FLAG, "userxattr", NULL, 0);
	return fsconfig(context, FSCONFIG_SET_STRING, "metacopy", "on", 0);
}

/* Tries an overlay with a data layer on an empty tmpfs, because no version number
 * tells whether this kernel permits it here. */
static int probe_overlay(bool userxattr)
{
	cfs_autofd int place = mount_tmpfs();
	cfs_autofd int context = place < 0 ? -1 : fsopen("overlay", FSOPEN_CLOEXEC);
	int rc;

	if (place < 0)
		return place;
	if (context < 0 || set_overlay_options(context, userxattr) < 0)
		return -errno;
	rc = add_probe_layer(context, "lowerdir+", place, "lower");
	if (rc == 0)
		rc = add_probe_layer(context, "datadir+", place, "data");
	if (rc == 0 && fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		rc = -errno;
	return rc;
}

void cfs_method_probe(struct cfs_method_facts *out)
{
	*out = (struct cfs_method_facts){.erofs = try_erofs(),
					 .fuse = probe_fuse_device()};
	if (out->erofs < 0 && out->fuse == 0) {
		out->overlay = probe_overlay(false);
		out->user_overlay = probe_overlay(true);
	}
}
