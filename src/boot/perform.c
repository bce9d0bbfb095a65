/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One step -> system calls. Decides nothing. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "boot/boot_priv.h"

int boot_make_dir(int dirfd, const char *name, mode_t mode, struct cfs_err *err)
{
	int fd;

	if (mkdirat(dirfd, name, mode) < 0 && errno != EEXIST)
		return cfs_fail_errno(err, "creating %s", name);
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "%s", name) : fd;
}

/* Opens a directory of the state disk. */
static int open_state(struct boot_run *r, const char *path, struct cfs_err *err)
{
	int fd = cfs_beneath_open_dir_chroot(r->disk, path);

	r->status = CFS_BOOT_NO_STATE;
	return fd < 0 ? cfs_beneath_fail(fd, path, err) : fd;
}

/* Opens a directory of the new root, which must not be a link. */
static int open_in_root(struct boot_run *r, const char *name, struct cfs_err *err)
{
	int fd = openat(r->root, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	r->status = CFS_BOOT_NO_MOUNT;
	return fd < 0 ? cfs_fail_errno(err, "the image: directory /%s", name) : fd;
}

/* Attaches a detached mount to a directory of the new root. */
static int attach_in_root(struct boot_run *r, int mount, const char *name,
			  struct cfs_err *err)
{
	cfs_autofd int place = open_in_root(r, name, err);

	if (place < 0)
		return place;
	if (move_mount(mount, "", place, "",
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
		return cfs_fail_errno(err, "mounting /%s", name);
	return 0;
}

/* A detached copy of the mount of a directory, with those below it. */
static int copy_mounts(int dir, const char *what, struct cfs_err *err)
{
	int fd = open_tree(dir, "",
			   OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH |
				   AT_RECURSIVE);

	return fd < 0 ? cfs_fail_errno(err, "%s: copying the mount", what) : fd;
}

/* --- one function for each kind of step --------------------------------------------- */

static int is_readonly(int dir, struct cfs_err *err)
{
	struct statvfs fs;

	if (fstatvfs(dir, &fs) < 0)
		return cfs_fail_errno(err, "state disk");
	return (fs.f_flag & ST_RDONLY) != 0;
}

/* A state disk that the kernel mounted read-only can still be made writable for this
 * mount alone, unless the filesystem itself is read-only. */
static int perform_writable(struct boot_run *r, const struct cfs_boot_step *step,
			    struct cfs_err *err)
{
	struct mount_attr attr = {.attr_clr = MOUNT_ATTR_RDONLY};
	int rc = is_readonly(r->disk, err);

	(void)step;
	r->status = CFS_BOOT_NO_STATE;
	if (rc == 1) {
		(void)mount_setattr(r->disk, "", AT_EMPTY_PATH, &attr, sizeof(attr));
		rc = is_readonly(r->disk, err);
	}
	if (rc == 1)
		return cfs_fail(
			err, EROFS,
			"the state disk is mounted read-only, but /etc or /var is "
			"on it: put rw on the kernel command line");
	return rc;
}

static int perform_keep(struct boot_run *r, const struct cfs_boot_step *step,
			struct cfs_err *err)
{
	(void)step;
	r->kept = copy_mounts(r->disk, "state disk", err);
	return r->kept < 0 ? r->kept : 0;
}

/* In this namespace it covers what is there. The overlays keep it alive. */
static int perform_memory(struct boot_run *r, const struct cfs_boot_step *step,
			  struct cfs_err *err)
{
	char path[CFS_BOOT_PATH_MAX];

	(void)step;
	snprintf(path, sizeof(path), "%s/composefs", r->request->run);
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		return cfs_fail_errno(err, "creating %s", path);
	if (mount("composefs", path, "tmpfs", 0, "mode=0755") < 0)
		return cfs_fail_errno(err, "tmpfs at %s", path);
	r->memory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return r->memory < 0 ? cfs_fail_errno(err, "%s", path) : 0;
}

static int perform_bind(struct boot_run *r, const struct cfs_boot_step *step,
			struct cfs_err *err)
{
	cfs_autofd int from = open_state(r, step->from, err);
	cfs_autofd int mount = from < 0 ? from : copy_mounts(from, step->from, err);

	return mount < 0 ? mount : attach_in_root(r, mount, step->name, err);
}

/* Mounts an overlay at a directory of the new root, with the layers in the directory
 * top. */
static int mount_layers(struct boot_run *r, int top, const char *name,
			struct cfs_err *err)
{
	cfs_autofd int lower = open_in_root(r, name, err);
	cfs_autofd int upper = lower < 0 ? lower : boot_make_dir(top, "upper", 0755, err);
	cfs_autofd int work = upper < 0 ? upper : boot_make_dir(top, "work", 0700, err);
	cfs_autofd int mount = -1;
	const struct cfs_mount_layers layers = {
		.lower = lower, .upper = upper, .work = work, .source = r->plan.source};
	int rc = work < 0 ? work : cfs_mount_copy_root(lower, upper, work, err);

	if (rc == 0)
		rc = cfs_mount_layers(&layers, &mount, err);
	if (rc == 0)
		rc = attach_in_root(r, mount, name, err);
	return cfs_context(err, rc, "/%s", name);
}

static int perform_make(struct boot_run *r, const struct cfs_boot_step *step,
			struct cfs_err *err)
{
	cfs_autofd int top = cfs_beneath_make_dir(r->disk, step->from, 0755);

	r->status = CFS_BOOT_NO_STATE;
	return top < 0 ? cfs_beneath_fail(top, step->from, err) : 0;
}

static int perform_overlay(struct boot_run *r, const struct cfs_boot_step *step,
			   struct cfs_err *err)
{
	cfs_autofd int top = open_state(r, step->from, err);

	return top < 0 ? top : mount_layers(r, top, step->name, err);
}

static int perform_transient(struct boot_run *r, const struct cfs_boot_step *step,
			     struct cfs_err *err)
{
	cfs_autofd int top = boot_make_dir(r->memory, step->name, 0755, err);

	return top < 0 ? top : mount_layers(r, top, step->name, err);
}

static int perform_sysroot(struct boot_run *r, const struct cfs_boot_step *step,
			   struct cfs_err *err)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};

	if (faccessat(r->root, step->name, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "/%s", step->name);
	if (step->readonly &&
	    mount_setattr(r->kept, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return cfs_fail_errno(err, "/%s: mount_setattr", step->name);
	return attach_in_root(r, r->kept, step->name, err);
}

static int (*const functions[])(struct boot_run *r, const struct cfs_boot_step *step,
				struct cfs_err *err) = {
	[CFS_BOOT_OP_WRITABLE] = perform_writable,
	[CFS_BOOT_OP_KEEP] = perform_keep,
	[CFS_BOOT_OP_MEMORY] = perform_memory,
	[CFS_BOOT_OP_IMAGE] = boot_mount_image,
	[CFS_BOOT_OP_BIND] = perform_bind,
	[CFS_BOOT_OP_OVERLAY] = perform_overlay,
	[CFS_BOOT_OP_MAKE] = perform_make,
	[CFS_BOOT_OP_TRANSIENT] = perform_transient,
	[CFS_BOOT_OP_SYSROOT] = perform_sysroot,
};

int boot_perform(struct boot_run *r, const struct cfs_boot_step *step,
		 struct cfs_err *err)
{
	r->status = CFS_BOOT_NO_MOUNT;
	return functions[step->op](r, step, err);
}
