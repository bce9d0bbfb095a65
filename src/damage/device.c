/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The name of a filesystem in messages of the kernel: that of its block device. Files of
 * btrfs have the device number of their subvolume, which is no block device. There the
 * source of the mount decides. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "damage/damage.h"

/* The last component of the link in /sys/dev/block; '/' of a name is '!' there. */
static int name_device(dev_t dev, char out[CFS_DAMAGE_DEVICE_MAX], struct cfs_err *err)
{
	char link[64], target[PATH_MAX];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u", major(dev), minor(dev));
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", link);
	target[n] = '\0';
	name = strrchr(target, '/');
	name = name ? name + 1 : target;
	if (strlen(name) >= CFS_DAMAGE_DEVICE_MAX)
		return 0;
	strcpy(out, name);
	for (char *s = out; *s; s++)
		if (*s == '!')
			*s = '/';
	return 1;
}

int cfs_damage_find_device(const struct cfs_mount_table *table, int fd,
			   char out[CFS_DAMAGE_DEVICE_MAX], struct cfs_err *err)
{
	const struct cfs_mount_entry *entry;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	rc = name_device(st.st_dev, out, err);
	if (rc != 0)
		return rc;
	rc = cfs_mount_table_find(table, fd, &entry, err);
	if (rc < 0 || !entry || *entry->source != '/')
		return rc;
	if (stat(entry->source, &st) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", entry->source);
	return S_ISBLK(st.st_mode) ? name_device(st.st_rdev, out, err) : 0;
}
