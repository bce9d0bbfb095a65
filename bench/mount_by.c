/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* bench: mounts an image by one of the ways that kernels take it, whatever this kernel would choose.
 *
 *     mount_by {file|loop} OPTIONS IMAGE MOUNTPOINT
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "mount/mount.h"

/* Leaves that way of mounting the image alone in the steps. */
static int keep_way(struct cfs_steps *steps, const char *name, struct cfs_err *err)
{
	for (size_t i = 0; i < steps->image.n; i++) {
		if (strcmp(steps->image.way[i].name, name) != 0)
			continue;
		steps->image.way[0] = steps->image.way[i];
		steps->image.n = 1;
		return 0;
	}
	return cfs_fail(err, EINVAL, "expected a way to mount an image, got \"%s\"",
			name);
}

/* Mounts the image by one chosen way only, to measure that way: the library would
 * choose the first one that works. */
static int mount_by(struct cfs_mount_args *args, char **argv, struct cfs_err *err)
{
	cfs_autofd int fd = open(argv[3], O_RDONLY | O_CLOEXEC);
	struct cfs_mount_dirs dirs = {0};
	struct cfs_mount_facts facts;
	struct cfs_steps steps;
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "%s", argv[3]);
	rc = cfs_mount_parse(args, argv[2], err);
	if (rc == 0)
		rc = cfs_mount_inspect(fd, &args->opts, &dirs, &facts, err);
	if (rc == 0)
		rc = cfs_mount_steps(&args->opts, &facts, &steps, err);
	if (rc == 0) {
		rc = keep_way(&steps, argv[1], err);
		if (rc == 0)
			rc = cfs_mount_apply(&steps, fd, argv[4], NULL, err);
		cfs_steps_fini(&steps);
	}
	cfs_mount_dirs_close(&dirs);
	return rc;
}

int main(int argc, char **argv)
{
	struct cfs_mount_args args = {0};
	struct cfs_err err;
	int rc;

	if (argc != 5) {
		fprintf(stderr, "usage: mount_by {file|loop} OPTIONS IMAGE MOUNTPOINT\n");
		return 2;
	}
	rc = mount_by(&args, argv, &err);
	if (rc < 0)
		fprintf(stderr, "mount_by: %s\n", err.msg);
	cfs_mount_args_fini(&args);
	return rc < 0;
}
