/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Steps -> system calls: the privileged part. It decides nothing. */
#include "mount/mount_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "mount/sys_mount.h"

/* Where the work stands. Descriptors are -1 while there is none. */
struct run {
	const char *mountpoint;
	int image; /* the caller's */
	int loop;  /* the loop device that holds the image, once there is one */
	char loop_path[CFS_LOOP_PATH_MAX];
	int context;	 /* of the superblock that is being configured */
	const char *fs;	 /* its type */
	int mount;	 /* made last, not attached */
	int image_mount; /* done with the first part */
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

	if (r->loop >= 0)
		return set_string(r, step->key, r->loop_path, err);
	return set_string(r, step->key, cfs_proc_fd(r->image, path), err);
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
	return cfs_loop_attach(r->image, step->value, &r->loop, r->loop_path, err);
}

/* Where the image is attached in a namespace that ends soon: a directory that everybody
 * has who has /proc, and that no path of an object directory leads through, with ".." or
 * otherwise. */
#define PLACE "/proc/thread-self/ns"

/* mount(2) attaches at once: there, over the image. A detached copy is taken. */
static int do_old(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	char lower[CFS_PROC_FD_MAX];
	char data[4096]; /* the kernel takes one page */
	int len = snprintf(data, sizeof(data), "%s%s%s", step->key,
			   cfs_proc_fd(r->image_mount, lower), step->value);

	if (len >= (int)sizeof(data))
		return cfs_fail(err, ENAMETOOLONG,
				"overlay: the paths are longer than mount(2) takes");
	if (mount(step->source, PLACE, "overlay", step->number, data) < 0)
		return cfs_fail_errno(err, "mount(2) of the overlay");
	r->mount = open_tree(AT_FDCWD, PLACE, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (r->mount < 0)
		return cfs_fail_errno(err, "open_tree of the overlay");
	return 0;
}

static bool is_object_prefix(const char *name)
{
	return strlen(name) == 2 && strspn(name, "0123456789abcdef") == 2;
}

static int do_names(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	DIR *dir = opendir(step->value);
	struct dirent *e;
	int rc = 0;

	if (!dir)
		return cfs_fail_errno(err, "%s: %s", r->fs, step->value);
	while (errno = 0, rc == 0 && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
		    !is_object_prefix(e->d_name))
			rc = cfs_fail(
				err, EEXIST,
				"object directory %s: %s would appear in the mount on "
				"this kernel (Linux before 6.5): move it elsewhere",
				step->value, e->d_name);
	}
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "object directory %s", step->value);
	closedir(dir);
	return rc;
}

static int do_prefetch(struct run *r, const struct cfs_step *step, struct cfs_err *err)
{
	(void)err;
	cfs_prefetch(source(r), step->number, step->value != NULL);
	return 0;
}

static int (*const functions[])(struct run *r, const struct cfs_step *step,
				struct cfs_err *err) = {
	[CFS_STEP_OPEN] = do_open,     [CFS_STEP_REFUSED] = do_refused,
	[CFS_STEP_FLAG] = do_flag,     [CFS_STEP_STRING] = do_string,
	[CFS_STEP_SOURCE] = do_source, [CFS_STEP_DIR] = do_dir,
	[CFS_STEP_LOWER] = do_lower,   [CFS_STEP_LOWER_AT] = do_lower_at,
	[CFS_STEP_CREATE] = do_create, [CFS_STEP_MOUNT] = do_mount,
	[CFS_STEP_IDMAP] = do_idmap,   [CFS_STEP_LOOP] = do_loop,
	[CFS_STEP_OLD] = do_old,       [CFS_STEP_PREFETCH] = do_prefetch,
	[CFS_STEP_NAMES] = do_names,
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

/* Tries one way after the other, while *move_on. *taken: the name of the last. */
static int run_ways(struct run *r, const struct cfs_ways *ways, const char **taken,
		    bool *move_on, struct cfs_err *err)
{
	int rc = 0;

	*move_on = true;
	for (size_t i = 0; i < ways->n && *move_on; i++) {
		rc = run_way(r, &ways->way[i], move_on, err);
		*taken = ways->way[i].name;
		drop_fd(&r->context);
		if (rc < 0)
			drop_fd(&r->mount);
	}
	return rc;
}

/* --- in a mount namespace of its own ------------------------------------------------ */

struct apart {
	struct run *r;
	const struct cfs_ways *ways;
	const char **taken;
	struct cfs_err *err;
	int rc;
};

static int run_apart(const struct apart *a)
{
	bool move_on;
	int rc = cfs_namespace_enter(a->err);

	if (rc < 0)
		return rc;
	if (move_mount(a->r->image_mount, "", AT_FDCWD, PLACE,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return cfs_fail_errno(a->err, "attaching the image to %s", PLACE);
	return run_ways(a->r, a->ways, a->taken, &move_on, a->err);
}

static void *apart_thread(void *arg)
{
	struct apart *a = arg;

	a->rc = run_apart(a);
	return NULL;
}

/* Linux has namespaces by thread: this one's ends with it, also when the process is
 * killed, and with it all that was attached in it. */
static int run_ways_apart(struct run *r, const struct cfs_ways *ways, const char **taken,
			  struct cfs_err *err)
{
	struct apart a = {r, ways, taken, err, 0};
	pthread_t thread;

	if (access(PLACE, F_OK) < 0)
		return cfs_fail_errno(
			err, "overlay: this kernel (Linux before 6.15) takes layers by "
			     "path alone, and that needs /proc mounted: " PLACE);
	errno = pthread_create(&thread, NULL, apart_thread, &a);
	if (errno)
		return cfs_fail_errno(err, "thread");
	pthread_join(thread, NULL);
	return a.rc;
}

/* --- all of it ---------------------------------------------------------------------- */

static int attach(const struct run *r, struct cfs_err *err)
{
	struct stat st;

	if (move_mount(r->mount, "", AT_FDCWD, r->mountpoint,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) == 0)
		return 0;
	/* What mount(2) says; move_mount says EINVAL. */
	if (errno == EINVAL && stat(r->mountpoint, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	return cfs_fail_errno(err, "mount point %s", r->mountpoint);
}

static int run_all(struct run *r, const struct cfs_steps *steps,
		   struct cfs_mount_taken *taken, struct cfs_err *err)
{
	bool move_on;
	int rc = run_ways(r, &steps->image, &taken->image, &move_on, err);

	if (rc < 0)
		return rc;
	r->image_mount = cfs_steal_fd(&r->mount);
	if (steps->new_upper)
		rc = cfs_mount_give_root(r->image_mount, steps->new_upper,
					 steps->new_work, err);
	if (rc < 0)
		return rc;
	rc = run_ways(r, &steps->overlay, &taken->overlay, &move_on, err);
	if (move_on)
		rc = run_ways_apart(r, &steps->apart, &taken->overlay, err);
	return rc < 0 ? rc : attach(r, err);
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
	int rc = run_all(&r, steps, &ways, err);

	drop_fd(&r.context);
	drop_fd(&r.mount);
	drop_fd(&r.image_mount);
	drop_fd(&r.loop);
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
