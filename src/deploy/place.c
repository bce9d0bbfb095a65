/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "deploy/place.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/statvfs.h>

#include "mount/namespace.h"
#include "mount/sys_mount.h"

static int is_readonly(const char *root, struct cfs_err *err)
{
	struct statvfs fs;

	if (statvfs(root, &fs) < 0)
		return cfs_fail_errno(err, "%s", root);
	return (fs.f_flag & ST_RDONLY) != 0;
}

int cfs_deploy_make_writable(const char *root, struct cfs_err *err)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
	int rc = is_readonly(root, err);

	if (rc <= 0)
		return rc;
	rc = cfs_context(err, cfs_namespace_enter(err), "%s is mounted read-only", root);
	if (rc < 0)
		return rc;
	if (mount_setattr(AT_FDCWD, root, 0, &attr, sizeof(attr)) < 0 && errno != EINVAL)
		return cfs_fail_errno(err, "%s: making it writable", root);
	rc = is_readonly(root, err);
	return rc == 1 ? cfs_fail(err, EROFS, "%s is read-only", root) : rc;
}

static int open_dir(const char *path, int *out, struct cfs_err *err)
{
	*out = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *out < 0 ? cfs_fail_errno(err, "%s", path) : 0;
}

int cfs_deploy_open(const char *root, const char *boot, const char *run,
		    struct cfs_deploy_place *out, struct cfs_err *err)
{
	int rc;

	*out = (struct cfs_deploy_place){.root = root,
					 .boot = boot,
					 .run = run,
					 .rootfd = -1,
					 .bootfd = -1,
					 .runfd = -1,
					 .state_lock = -1,
					 .boot_lock = -1};
	rc = open_dir(root, &out->rootfd, err);
	if (rc == 0)
		rc = open_dir(boot, &out->bootfd, err);
	if (rc == 0 && open_dir(run, &out->runfd, err) < 0 && errno != ENOENT)
		rc = -errno;
	return rc;
}

void cfs_deploy_close(struct cfs_deploy_place *place)
{
	int *const fds[] = {&place->rootfd, &place->bootfd, &place->runfd,
			    &place->state_lock, &place->boot_lock};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

/* Holds off other programs of ours that change deployments on this disk. */
static int lock_state(struct cfs_deploy_place *place, const struct cfs_lock_wait *wait,
		      struct cfs_err *err)
{
	cfs_autofd int dir =
		cfs_beneath_make_dir(place->rootfd, CFS_DEPLOY_STATE_DIR, 0755);

	if (dir < 0)
		return cfs_beneath_fail(dir, CFS_DEPLOY_STATE_DIR, err);
	place->state_lock = openat(
		dir, ".lock",
		O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0600);
	if (place->state_lock < 0)
		return cfs_fail_errno(err, "%s/.lock", CFS_DEPLOY_STATE_DIR);
	return cfs_context(err, cfs_lock_take(place->state_lock, LOCK_EX, wait, err),
			   "%s/.lock", CFS_DEPLOY_STATE_DIR);
}

int cfs_deploy_lock(struct cfs_deploy_place *place, const struct cfs_lock_wait *wait,
		    struct cfs_err *err)
{
	int rc = cfs_context(err, lock_state(place, wait, err), "%s", place->root);

	if (rc < 0)
		return rc;
	/* Another system may share the partition. */
	place->boot_lock = openat(place->bootfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (place->boot_lock < 0)
		return cfs_fail_errno(err, "%s", place->boot);
	return cfs_context(err, cfs_lock_take(place->boot_lock, LOCK_EX, wait, err), "%s",
			   place->boot);
}

const char *cfs_deploy_default_boot(void)
{
	static const char *const usual[][2] = {{"/boot", "/boot/loader/entries"},
					       {"/efi", "/efi/loader/entries"},
					       {"/boot/efi", "/boot/efi/loader/entries"}};

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (access(usual[i][1], F_OK) == 0)
			return usual[i][0];
	return NULL;
}

const char *cfs_deploy_default_root(void)
{
	return access("/sysroot/composefs", F_OK) == 0 ? "/sysroot" : "/";
}
