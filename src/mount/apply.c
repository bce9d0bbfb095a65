/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Steps -> system calls: the privileged part. It decides nothing. */
#include "mount/mount_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the work stands. Descriptors are -1 while there is none. */
struct run {
	const char *mountpoint;
	int image;	 /* the caller's */
	int loop;	 /* the loop device that holds the image, once there is one */
	int context;	 /* of the superblock that is being configured */
	const char *fs;	 /* its type */
	int mount;	 /* made last, not attached */
	int image_mount; /* done with the first part */
	char place[PATH_MAX];
	bool placed;	 /* the image mount is attached to the place */
	bool made_place; /* the place is ours to remove */
	bool holds_signals;
	sigset_t signals; /* that were held before */
};

const char *cfs_proc_fd(int fd, char out[CFS_PROC_FD_MAX])
{
	snprintf(out, CFS_PROC_FD_MAX, "/proc/self/fd/%d", fd);
	return out;
}

static int source(const struct run *r)
{
	return r->loop >= 0 ? r->loop : r->image;
}

static void drop_fd(int *fd)
{
	int old = cfs_steal_fd(fd);

	if (old >= 0)
		close(old);
}

/* --- the kernel's own words --------------------------------------------------------- */

/* Each read of the context gives one message, "e overlay: ..."; no more of them: ENODATA.
 */
static void read_log(int context, char *out, size_t cap)
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

/* A failed fsconfig: what was asked (key NULL: to make the superblock), errno, and what
 * the kernel has to say about it. */
static int fail_config(struct run *r, const char *key, const char *value,
		       struct cfs_err *err)
{
	int errnum = errno;
	char log[512];

	read_log(r->context, log, sizeof(log));
	if (!*log && !key)
		strcpy(log, "dmesg may say more");
	errno = errnum;
	return cfs_fail(err, errnum, "%s: %s%s%s: %m%s%s", r->fs, key ? key : "mount",
			value ? "=" : "", value ? value : "", *log ? ": " : "", log);
}

static int set_string(struct run *r, const char *key, const char *value,
		      struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_STRING, key, value, 0) == 0)
		return 0;
	return fail_config(r, key, value, err);
}

/* --- one function a step ------------------------------------------------------------ */

static int do_open(struct run *r, const struct cfs_step *step, struct cfs_err *err)
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

static int do_refused(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	char log[512];

	if (fsconfig(r->context, FSCONFIG_SET_FLAG, step->key, NULL, 0) == 0)
		return cfs_fail(err, EINVAL,
				"%s: not configured through the new mount API", r->fs);
	read_log(r->context, log, sizeof(log));
	return 0;
}

static int do_flag(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_FLAG, step->key, NULL, 0) == 0)
		return 0;
	return fail_config(r, step->key, NULL, err);
}

static int do_string(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	return set_string(r, step->key, step->value, err);
}

static int do_source(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];

	return set_string(r, step->key, cfs_proc_fd(source(r), path), err);
}

static int do_dir(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	cfs_autofd int dir = open(step->value, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0)
		return cfs_fail_errno(err, "%s: %s=%s", r->fs, step->key, step->value);
	if (fsconfig(r->context, FSCONFIG_SET_FD, step->key, NULL, dir) == 0)
		return 0;
	return fail_config(r, step->key, step->value, err);
}

static int do_lower(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	if (fsconfig(r->context, FSCONFIG_SET_FD, step->key, NULL, r->image_mount) == 0)
		return 0;
	return fail_config(r, step->key, "(image)", err);
}

static int do_lower_at(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];

	return set_string(r, step->key, cfs_proc_fd(r->image_mount, path), err);
}

static int do_create(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	(void)step;
	if (fsconfig(r->context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		return 0;
	return fail_config(r, NULL, NULL, err);
}

static int do_mount(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	r->mount = fsmount(r->context, FSMOUNT_CLOEXEC, (unsigned)step->number);
	if (r->mount < 0)
		return fail_config(r, "fsmount", NULL, err);
	return 0;
}

static int do_idmap(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	struct mount_attr attr = {
		.attr_set = MOUNT_ATTR_IDMAP,
		.userns_fd = (uint64_t)step->fd,
	};

	if (mount_setattr(r->mount, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0)
		return 0;
	return cfs_fail_errno(err, "idmap");
}

static int do_loop(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	return cfs_loop_attach(r->image, step->value, &r->loop, err);
}

/* A signal must not leave the place behind. */
static void hold_signals(struct run *r)
{
	sigset_t all;

	sigfillset(&all);
	r->holds_signals = pthread_sigmask(SIG_BLOCK, &all, &r->signals) == 0;
}

static void leave_place(struct run *r)
{
	if (r->placed)
		umount2(r->place, MNT_DETACH | UMOUNT_NOFOLLOW);
	if (r->made_place)
		rmdir(r->place);
	if (r->holds_signals)
		pthread_sigmask(SIG_SETMASK, &r->signals, NULL);
	r->placed = r->made_place = r->holds_signals = false;
}

static int choose_place(struct run *r, const char *dir, struct cfs_err *err)
{
	if (dir && strlen(dir) >= sizeof(r->place))
		return cfs_fail(err, ENAMETOOLONG,
				"directory for the image: path too long");
	strcpy(r->place, dir ? dir : "/tmp/.composefs.XXXXXX");
	hold_signals(r);
	if (dir)
		return 0;
	if (!mkdtemp(r->place))
		return cfs_fail_errno(err, "temporary directory for the image %s",
				      r->place);
	r->made_place = true;
	return 0;
}

/* Attaches the image mount, unless an earlier way already has. */
static int do_place(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	int rc;

	if (r->placed)
		return 0;
	rc = choose_place(r, step->value, err);
	if (rc < 0 || r->image_mount < 0)
		return rc; /* mount(2) will attach it */
	if (move_mount(r->image_mount, "", AT_FDCWD, r->place, MOVE_MOUNT_F_EMPTY_PATH) <
	    0)
		return cfs_fail_errno(err, "attaching the image to %s", r->place);
	r->placed = true;
	return 0;
}

static int do_detach(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	(void)step;
	(void)err;
	leave_place(r);
	return 0;
}

static int do_attach(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	struct stat st;

	(void)step;
	if (move_mount(r->mount, "", AT_FDCWD, r->mountpoint,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
		return 0;
	/* What mount(2) says; move_mount says EINVAL. */
	if (errno == EINVAL && stat(r->mountpoint, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	return cfs_fail_errno(err, "mount point %s", r->mountpoint);
}

static int do_old_image(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	char path[CFS_PROC_FD_MAX];

	if (mount(cfs_proc_fd(source(r), path), r->place, "erofs", step->number,
		  step->value) < 0)
		return cfs_fail_errno(err, "mount(2) of the image");
	r->placed = true;
	r->mount = open(r->place, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r->mount < 0)
		return cfs_fail_errno(err, "%s", r->place);
	return 0;
}

static int do_old_overlay(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	char lower[CFS_PROC_FD_MAX];
	char data[4096]; /* the kernel takes one page */
	int len = snprintf(data, sizeof(data), "%s%s%s", step->key,
			   cfs_proc_fd(r->image_mount, lower), step->value);

	if (len >= (int)sizeof(data))
		return cfs_fail(err, ENAMETOOLONG,
				"overlay: the paths are longer than mount(2) takes");
	if (mount("composefs", r->mountpoint, "overlay", step->number, data) < 0)
		return cfs_fail_errno(err, "mount(2) of the overlay at %s",
				      r->mountpoint);
	return 0;
}

static int do_prefetch(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	(void)err;
	cfs_prefetch(source(r), step->number, step->value != NULL);
	return 0;
}

static int (*const functions[])(struct run *r, const struct cfs_step *step,
				struct cfs_err *err) = {
	[CFS_STEP_OPEN] = do_open,
	[CFS_STEP_REFUSED] = do_refused,
	[CFS_STEP_FLAG] = do_flag,
	[CFS_STEP_STRING] = do_string,
	[CFS_STEP_SOURCE] = do_source,
	[CFS_STEP_DIR] = do_dir,
	[CFS_STEP_LOWER] = do_lower,
	[CFS_STEP_LOWER_AT] = do_lower_at,
	[CFS_STEP_CREATE] = do_create,
	[CFS_STEP_MOUNT] = do_mount,
	[CFS_STEP_IDMAP] = do_idmap,
	[CFS_STEP_LOOP] = do_loop,
	[CFS_STEP_PLACE] = do_place,
	[CFS_STEP_DETACH] = do_detach,
	[CFS_STEP_ATTACH] = do_attach,
	[CFS_STEP_OLD_IMAGE] = do_old_image,
	[CFS_STEP_OLD_OVERLAY] = do_old_overlay,
	[CFS_STEP_PREFETCH] = do_prefetch,
};

/* --- ways --------------------------------------------------------------------------- */

static bool moves_on(const struct cfs_step *step, int errnum)
{
	for (size_t i = 0; i < sizeof(step->move_on) / sizeof(step->move_on[0]); i++) {
		if (step->move_on[i] == errnum)
			return true;
	}
	return false;
}

/* *move_on: the step that failed says that the next way is to be tried. */
static int run_way(struct run *r, const struct cfs_way *way, bool *move_on,
		   struct cfs_err *err)
{
	*move_on = false;
	for (size_t i = 0; i < way->n_steps; i++) {
		const struct cfs_step *step = &way->steps[i];
		int rc = functions[step->op](r, step, err);

		if (rc < 0 && !step->optional) {
			*move_on = moves_on(step, -rc);
			if (rc == -EINVAL && step->hint)
				return cfs_context(err, rc, "%s", step->hint);
			return rc;
		}
	}
	return 0;
}

/* Tries one way after the other. *taken: the name of the one that worked. */
static int run_ways(struct run *r, const struct cfs_way *ways, size_t n,
		    const char **taken, struct cfs_err *err)
{
	bool move_on = true;
	int rc = 0;

	for (size_t i = 0; i < n && move_on; i++) {
		rc = run_way(r, &ways[i], &move_on, err);
		*taken = ways[i].name;
		drop_fd(&r->context);
		if (rc < 0)
			drop_fd(&r->mount);
	}
	return rc;
}

/* Whatever happened, what was made for the moment goes away. */
static void clean_up(struct run *r)
{
	leave_place(r);
	drop_fd(&r->context);
	drop_fd(&r->mount);
	drop_fd(&r->image_mount);
	drop_fd(&r->loop);
}

int cfs_mount_apply(const struct cfs_steps *steps, int fd, const char *mountpoint,
		    struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_mount_taken ways = {0};
	struct run r = {
		.mountpoint = mountpoint,
		.image = fd,
		.loop = -1,
		.context = -1,
		.mount = -1,
		.image_mount = -1,
	};
	int rc = run_ways(&r, steps->image, steps->n_image, &ways.image, err);

	if (rc == 0) {
		r.image_mount = cfs_steal_fd(&r.mount);
		rc = run_ways(&r, steps->overlay, steps->n_overlay, &ways.overlay, err);
	}
	clean_up(&r);
	if (taken)
		*taken = ways;
	return rc;
}

int cfs_mount_fd(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
		 struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_mount_facts facts;
	struct cfs_steps steps;
	int rc = cfs_mount_check(o, err);

	if (rc == 0)
		rc = cfs_mount_inspect(fd, o, &facts, err);
	if (rc == 0)
		rc = cfs_mount_steps(o, &facts, &steps, err);
	if (rc < 0)
		return rc;
	rc = cfs_mount_apply(&steps, fd, mountpoint, taken, err);
	cfs_steps_fini(&steps);
	return rc;
}
