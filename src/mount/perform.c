/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* One step -> system calls. */
#include "mount/run.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "mount/sys_mount.h"

const char *cfs_proc_format_fd(int fd, char out[CFS_PROC_FD_MAX])
{
	snprintf(out, CFS_PROC_FD_MAX, "/proc/self/fd/%d", fd);
	return out;
}

static int get_source_fd(const struct mount_run *r)
{
	return r->loop >= 0 ? r->loop : r->image;
}

/* --- messages of the kernel --------------------------------------------------------- */

/* Each read(2) of the context returns one message, "e overlay: ...", and ENODATA after
 * the last. Errors alone. */
void mount_read_log(int context, char *out, size_t cap)
{
	char line[512];
	size_t len = 0;
	ssize_t n;

	*out = 0;
	while ((n = read(context, line, sizeof(line) - 1)) > 2) {
		line[n] = 0;
		if (line[n - 1] == '\n')
			line[n - 1] = 0;
		if (line[0] == 'e' && len < cap)
			len += (size_t)snprintf(out + len, cap - len, "%s%s",
						len ? "; " : "", line + 2);
	}
}

/* Reports a failed fsconfig(2): the option (key NULL: creating the superblock), errno and
 * the messages of the kernel. */
static int fail_fs_option(const struct mount_run *r, const char *key, const char *value,
			  struct cfs_err *err)
{
	int errnum = errno;
	char log[512];

	mount_read_log(r->context, log, sizeof(log));
	if (!*log && !key)
		strcpy(log, "dmesg may say more");
	errno = errnum;
	return cfs_fail(err, errnum, "%s: %s%s%s: %m%s%s", r->fs, key ? key : "mount",
			value ? "=" : "", value ? value : "", *log ? ": " : "", log);
}

static int set_fs_string(const struct mount_run *r, const char *key, const char *value,
			 struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_STRING, key, value, 0) == 0)
		return 0;
	return fail_fs_option(r, key, value, err);
}

/* --- one function for each kind of step --------------------------------------------- */

/* Begins a mount of this type. The frequent failures have their advice here. */
static int perform_open(struct mount_run *r, const struct cfs_step *step,
			struct cfs_err *err)
{
	r->fs = step->key;
	r->context = fsopen(step->key, FSOPEN_CLOEXEC);
	if (r->context >= 0)
		return 0;
	if (errno == ENODEV)
		return cfs_fail(err, ENODEV,
				"this kernel has no %s: load the module (modprobe %s)",
				step->key, step->key);
	if (errno == EPERM)
		return cfs_fail(err, EPERM, "%s: mounting needs root (CAP_SYS_ADMIN): %m",
				step->key);
	return cfs_fail_errno(err, "fsopen %s", step->key);
}

static int perform_refused(struct mount_run *r, const struct cfs_step *step,
			   struct cfs_err *err)
{
	char log[512];

	if (fsconfig(r->context, FSCONFIG_SET_FLAG, step->key, NULL, 0) == 0)
		return cfs_fail(err, EINVAL,
				"%s: not configured through the new mount API", r->fs);
	mount_read_log(r->context, log, sizeof(log));
	return 0;
}

static int perform_flag(struct mount_run *r, const struct cfs_step *step,
			struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_FLAG, step->key, NULL, 0) == 0)
		return 0;
	return fail_fs_option(r, step->key, NULL, err);
}

static int perform_string(struct mount_run *r, const struct cfs_step *step,
			  struct cfs_err *err)
{
	return set_fs_string(r, step->key, step->value, err);
}

static int perform_source(struct mount_run *r, const struct cfs_step *step,
			  struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];

	if (r->loop >= 0)
		return set_fs_string(r, step->key, r->loop_path, err);
	return set_fs_string(r, step->key, cfs_proc_format_fd(r->image, path), err);
}

static int set_fs_directory(const struct mount_run *r, const struct cfs_step *step,
			    int dir, struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_FD, step->key, NULL, dir) == 0)
		return 0;
	return fail_fs_option(r, step->key, step->value, err);
}

static int perform_dir(struct mount_run *r, const struct cfs_step *step,
		       struct cfs_err *err)
{
	cfs_autofd int dir = open(step->value, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return cfs_fail_errno(err, "%s: %s=%s", r->fs, step->key, step->value);
	return set_fs_directory(r, step, dir, err);
}

static int perform_data(struct mount_run *r, const struct cfs_step *step,
			struct cfs_err *err)
{
	return set_fs_directory(r, step, r->objdir_fds[step->number], err);
}

static int perform_data_at(struct mount_run *r, const struct cfs_step *step,
			   struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];
	int fd = r->objdir_fds[step->number];

	if (fsconfig(r->context, FSCONFIG_SET_STRING, step->key,
		     cfs_proc_format_fd(fd, path), 0) == 0)
		return 0;
	return fail_fs_option(r, step->key, step->value, err);
}

static int perform_lower(struct mount_run *r, const struct cfs_step *step,
			 struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_FD, step->key, NULL, r->image_mount) == 0)
		return 0;
	return fail_fs_option(r, step->key, "(image)", err);
}

static int perform_lower_at(struct mount_run *r, const struct cfs_step *step,
			    struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];

	return set_fs_string(r, step->key, cfs_proc_format_fd(r->image_mount, path), err);
}

static int perform_create(struct mount_run *r, const struct cfs_step *step,
			  struct cfs_err *err)
{
	(void)step;
	if (fsconfig(r->context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		return 0;
	return fail_fs_option(r, NULL, NULL, err);
}

static int perform_mount(struct mount_run *r, const struct cfs_step *step,
			 struct cfs_err *err)
{
	r->mount = fsmount(r->context, FSMOUNT_CLOEXEC, (unsigned)step->number);
	if (r->mount < 0)
		return fail_fs_option(r, "fsmount", NULL, err);
	return 0;
}

/* Applies the ID mapping, before the mount is attached anywhere. */
static int perform_idmap(struct mount_run *r, const struct cfs_step *step,
			 struct cfs_err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)step->fd,
	};

	if (mount_setattr(r->mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return 0;
	if (errno == EINVAL)
		return cfs_fail(err, EINVAL,
				"idmap: this kernel cannot map the owners of an image: "
				"EROFS needs Linux 5.19, or the user namespace has no "
				"mapping");
	return cfs_fail_errno(err, "idmap");
}

static int perform_loop(struct mount_run *r, const struct cfs_step *step,
			struct cfs_err *err)
{
	return cfs_loop_attach(r->image, step->value, &r->loop, r->loop_path, err);
}

/* The data of mount(2): options, the path of the image mount, those of the object
 * directories, more options. The kernel takes one page. */
static int format_data(const struct mount_run *r, const struct cfs_step *step, char *out,
		       size_t cap)
{
	char path[CFS_PROC_FD_MAX];
	size_t len = (size_t)snprintf(out, cap, "%s%s", step->key,
				      cfs_proc_format_fd(r->image_mount, path));

	for (size_t i = 0; i < r->n_objdirs && len < cap; i++)
		len += (size_t)snprintf(out + len, cap - len, "%s%s", step->separator,
					cfs_proc_format_fd(r->objdir_fds[i], path));
	if (len < cap)
		len += (size_t)snprintf(out + len, cap - len, "%s", step->value);
	return len < cap ? 0 : -ENAMETOOLONG;
}

/* mount(2) attaches the overlay at once: to MOUNT_PLACE. The result is a detached
 * copy. */
static int perform_old(struct mount_run *r, const struct cfs_step *step,
		       struct cfs_err *err)
{
	char data[4096];

	if (format_data(r, step, data, sizeof(data)) < 0)
		return cfs_fail(err, ENAMETOOLONG,
				"overlay: the options are longer than mount(2) takes");
	if (mount(step->source, MOUNT_PLACE, "overlay", step->number, data) < 0)
		return cfs_fail_errno(err, "mount(2) of the overlay");
	r->mount = open_tree(AT_FDCWD, MOUNT_PLACE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (r->mount < 0)
		return cfs_fail_errno(err, "open_tree of the overlay");
	return 0;
}

static bool is_object_prefix(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

/* Old kernels merge the object directory into the mount, so a foreign name in it would
 * appear as a file of the image. */
static int check_names(DIR *dir, const char *name, struct cfs_err *err)
{
	const struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !is_object_prefix(e->d_name))
			return cfs_fail(
				err, EEXIST,
				"object directory %s: %s would appear in the mount on "
				"this kernel (Linux before 6.5): move it elsewhere",
				name, e->d_name);
	}
	return errno ? cfs_fail_errno(err, "object directory %s", name) : 0;
}

/* Looks for foreign names in an object directory, where the kernel would show them. */
static int perform_names(struct mount_run *r, const struct cfs_step *step,
			 struct cfs_err *err)
{
	int fd = openat(r->objdir_fds[step->number], ".",
			O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int rc;

	if (!dir) {
		rc = cfs_fail_errno(err, "object directory %s", step->value);
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = check_names(dir, step->value, err);
	closedir(dir);
	return rc;
}

static int perform_prefetch(struct mount_run *r, const struct cfs_step *step,
			    struct cfs_err *err)
{
	(void)err;
	cfs_prefetch(get_source_fd(r), step->number, step->value != NULL);
	return 0;
}

static int (*const functions[])(struct mount_run *r, const struct cfs_step *step,
				struct cfs_err *err) = {
	[CFS_STEP_OPEN] = perform_open,	      [CFS_STEP_REFUSED] = perform_refused,
	[CFS_STEP_FLAG] = perform_flag,	      [CFS_STEP_STRING] = perform_string,
	[CFS_STEP_SOURCE] = perform_source,   [CFS_STEP_DIR] = perform_dir,
	[CFS_STEP_LOWER] = perform_lower,     [CFS_STEP_LOWER_AT] = perform_lower_at,
	[CFS_STEP_CREATE] = perform_create,   [CFS_STEP_MOUNT] = perform_mount,
	[CFS_STEP_IDMAP] = perform_idmap,     [CFS_STEP_LOOP] = perform_loop,
	[CFS_STEP_OLD] = perform_old,	      [CFS_STEP_PREFETCH] = perform_prefetch,
	[CFS_STEP_NAMES] = perform_names,     [CFS_STEP_DATA] = perform_data,
	[CFS_STEP_DATA_AT] = perform_data_at,
};

int mount_perform(struct mount_run *r, const struct cfs_step *step, struct cfs_err *err)
{
	return functions[step->op](r, step, err);
}
