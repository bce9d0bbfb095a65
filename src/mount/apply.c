/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Carries out the steps of a mount: the image, the overlay, the mount point. Decides
 * nothing. */
#include "mount/run.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "mount/sys_mount.h"

static int attach_mount(const struct mount_run *r, struct cfs_err *err)
{
	struct stat st;

	if (move_mount(r->mount, "", AT_FDCWD, r->mountpoint,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
		return 0;
	/* mount(2) fails with ENOTDIR where move_mount(2) fails with EINVAL. */
	if (errno == EINVAL && stat(r->mountpoint, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	return cfs_fail_errno(err, "mount point %s", r->mountpoint);
}

/* The image mount: the layer of the options, or one that the ways for the image make. */
static int get_image_mount(struct mount_run *r, const struct cfs_steps *steps,
			   struct cfs_mount_taken *taken, struct cfs_err *err)
{
	bool move_on;
	int rc;

	if (steps->layer_fd >= 0) {
		taken->image = "layer";
		r->image_mount = fcntl(steps->layer_fd, F_DUPFD_CLOEXEC, 3);
		return r->image_mount < 0 ? cfs_fail_errno(err, "layer") : 0;
	}
	rc = mount_run_ways(r, &steps->image, &taken->image, &move_on, err);
	if (rc == 0)
		r->image_mount = cfs_steal_fd(&r->mount);
	return rc;
}

/* Attaches the image, the overlay and the target in this order. *taken says which ways
 * the kernel accepted; the descriptors in r belong to its owner, and closing them
 * undoes the mounts that are not attached yet. */
static int run_all(struct mount_run *r, const struct cfs_steps *steps,
		   struct cfs_mount_taken *taken, struct cfs_err *err)
{
	bool move_on;
	int rc = get_image_mount(r, steps, taken, err);

	if (rc < 0)
		return rc;
	if (steps->new_upper)
		rc = cfs_mount_give_root(r->image_mount, steps->userxattr,
					 steps->new_upper, steps->new_work, err);
	if (rc < 0)
		return rc;
	rc = mount_run_ways(r, &steps->overlay, &taken->overlay, &move_on, err);
	if (move_on)
		rc = mount_run_ways_apart(r, &steps->apart, &taken->overlay, err);
	if (rc == 0 && steps->writable_by)
		rc = mount_check_writable(r->mount, steps->writable_by, err);
	return rc < 0 ? rc : attach_mount(r, err);
}

int cfs_mount_apply(const struct cfs_steps *steps, int fd, const char *mountpoint,
		    struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_mount_taken ways = {0};
	struct mount_run r = {
		.mountpoint = mountpoint,
		.image = fd,
		.loop = -1,
		.context = -1,
		.mount = -1,
		.image_mount = -1,
		.objdirs = steps->objdirs,
		.objdir_fds = steps->objdir_fds,
		.n_objdirs = steps->n_objdirs,
	};
	int rc;

	if (!r.objdir_fds)
		return cfs_fail(err, EBADF, "object directories are not open");
	rc = run_all(&r, steps, &ways, err);
	mount_drop_fd(&r.context);
	mount_drop_fd(&r.mount);
	mount_drop_fd(&r.image_mount);
	mount_drop_fd(&r.loop);
	if (taken)
		*taken = ways;
	return rc;
}
