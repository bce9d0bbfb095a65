/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Directories for the changes of a mount. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "composefs/mount/mount.h"

int mount_open_private(const char *path, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_path_make_dir(path, 0700, NULL, err);
	struct stat st;

	if (fd < 0)
		return cfs_context(err, fd, "%s", path);
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "%s", path);
	if (st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH)))
		return cfs_fail(err, EPERM,
				"%s: expected a directory to which only you can write",
				path);
	return cfs_steal_fd(&fd);
}

int mount_make_dir(int dirfd, const char *name, struct cfs_err *err)
{
	struct stat dir, st;

	if (mkdirat(dirfd, name, 0755) < 0 && errno != EEXIST)
		return cfs_fail_errno(err, "%s", name);
	if (fstat(dirfd, &dir) < 0 || fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cfs_fail_errno(err, "%s", name);
	if (!S_ISDIR(st.st_mode))
		return cfs_fail(err, ENOTDIR, "%s: expected a directory", name);
	if (st.st_dev != dir.st_dev)
		return cfs_fail(err, EBUSY,
				"%s: something is mounted there; unmount it first", name);
	return 0;
}

int mount_make_changes(const char *dir, char upper[PATH_MAX], char work[PATH_MAX],
		       struct cfs_err *err)
{
	cfs_autofd int fd = mount_open_private(dir, err);
	int rc;

	if (fd < 0)
		return fd;
	if (snprintf(upper, PATH_MAX, "%s/upper", dir) >= PATH_MAX ||
	    snprintf(work, PATH_MAX, "%s/work", dir) >= PATH_MAX)
		return cfs_fail(err, ENAMETOOLONG, "%s: the path is too long", dir);
	rc = mount_make_dir(fd, "upper", err);
	if (rc == 0)
		rc = mount_make_dir(fd, "work", err);
	return cfs_context(err, rc, "%s", dir);
}

static const char memory[] = "memory";

int mount_attach_memory(int dirfd, struct cfs_err *err)
{
	int rc = mount_make_dir(dirfd, memory, err);
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, memory);
	if (rc == 0 &&
	    mount("composefs", path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
		return cfs_fail_errno(err, "%s: tmpfs", memory);
	return rc;
}

int mount_detach_memory(int dirfd, struct cfs_err *err)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, memory);
	if (umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		return cfs_fail_errno(err, "%s: umount", memory);
	return unlinkat(dirfd, memory, AT_REMOVEDIR) < 0
		       ? cfs_fail_errno(err, "%s", memory)
		       : 0;
}
