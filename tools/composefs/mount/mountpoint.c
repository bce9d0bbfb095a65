/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the image that is mounted at a place. */
#include "composefs/mount/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

/* 1, 0, or -1 if the kernel does not tell. */
static int is_mount_root(int fd)
{
	struct statx stx;

	/* A mask of 0 asks the server of a FUSE mount for nothing: it may be dead. */
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &stx) < 0 ||
	    !(stx.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT))
		return -1;
	return (stx.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

int mountpoint_find(const char *path, struct mountpoint *out, struct cfs_err *err)
{
	cfs_autofd int fd = open(path, O_PATH | O_CLOEXEC);
	const struct cfs_mount_entry *entry = NULL;
	int rc, root;

	if (fd < 0)
		return cfs_fail_errno(err, "%s", path);
	root = is_mount_root(fd);
	rc = root < 0 ? -ENOTSUP : cfs_mount_table_read(&out->table, err);
	if (rc == 0)
		rc = cfs_mount_table_find(&out->table, fd, &entry, err);
	if (rc == 0 && entry)
		rc = cfs_image_mount_recognize(entry, &out->table.arena, &out->image,
					       err);
	if (rc == -ENOMEM)
		return cfs_context(err, rc, "%s", path);
	out->is_known = rc >= 0 && entry;
	out->is_image = out->is_known && rc > 0;
	out->is_root = root > 0;
	return 0;
}

void mountpoint_fini(struct mountpoint *m)
{
	cfs_mount_table_fini(&m->table);
}

void mountpoint_complete(struct cli_completion *c)
{
	struct cfs_mount_table table = {0};
	struct cfs_image_mount m;

	if (cfs_mount_table_read(&table, NULL) == 0)
		for (size_t i = 0; i < table.n; i++)
			if (cfs_image_mount_recognize(&table.v[i], &table.arena, &m,
						      NULL) > 0)
				cli_complete_put(c, m.place, "image");
	cfs_mount_table_fini(&table);
}
