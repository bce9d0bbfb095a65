/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mounts: translates the options of the ABI to those of the mount room. */
#include "compat/compat.h"

#include <errno.h>
#include <fcntl.h>

#include "mount/mount.h"

/* *out borrows all strings from o. Unknown flags are refused, since a flag that we
 * ignored could be one for security. */
static int translate_options(const struct lcfs_mount_options_s *o,
			     struct cfs_mount_opts *out)
{
	if (o->flags & ~(uint32_t)LCFS_MOUNT_FLAGS_MASK)
		return -EINVAL;
	*out = (struct cfs_mount_opts){
		.objdirs = (const char *const *)o->objdirs,
		.n_objdirs = o->n_objdirs,
		.upperdir = o->upperdir,
		.workdir = o->workdir,
		.digest = o->expected_fsverity_digest,
		.readonly = o->flags & LCFS_MOUNT_FLAGS_READONLY,
		.idmap = o->flags & LCFS_MOUNT_FLAGS_IDMAP,
		.idmap_fd = o->idmap_fd,
	};
	if (o->flags & LCFS_MOUNT_FLAGS_REQUIRE_VERITY)
		out->verity = CFS_MOUNT_VERITY_REQUIRE;
	else if (o->flags & LCFS_MOUNT_FLAGS_TRY_VERITY)
		out->verity = CFS_MOUNT_VERITY_TRY;
	return cfs_mount_check(out, NULL);
}

static int mount_fd(int fd, const char *mountpoint, const char *image_name,
		    struct cfs_mount_opts *opts)
{
	int rc;

	opts->image_name = image_name;
	rc = cfs_mount_fd(fd, mountpoint, opts, NULL, NULL);
	return rc < 0 ? lcfs_fail(rc) : 0;
}

int lcfs_mount_fd(int fd, const char *mountpoint, struct lcfs_mount_options_s *options)
{
	struct cfs_mount_opts opts;
	int rc = translate_options(options, &opts);

	return rc < 0 ? lcfs_fail(rc) : mount_fd(fd, mountpoint, NULL, &opts);
}

int lcfs_mount_image(const char *path, const char *mountpoint,
		     struct lcfs_mount_options_s *options)
{
	struct cfs_mount_opts opts;
	int rc = translate_options(options, &opts);
	cfs_autofd int fd = -1;

	if (rc < 0)
		return lcfs_fail(rc);
	/* Does not wait if path is a FIFO. */
	fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -1 : mount_fd(fd, mountpoint, path, &opts);
}
