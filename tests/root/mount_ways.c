/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: every way that kernels take an image, forced here by leaving the earlier ways
 * out; and each of their steps broken in turn. */
#include "root/mount_scene.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* Mounts by these steps, which begin with way i for the image and way k for the overlay;
 * looks, unmounts, looks for rests. */
static void check_steps(const struct scene *s, const struct cfs_steps *steps, size_t i,
			size_t k)
{
	size_t n_fds = scene_count("/proc/self/fd");
	struct cfs_mount_taken taken;
	struct cfs_err err;

	if (cfs_mount_apply(steps, s->fd, s->mnt, &taken, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	t_eq(scene_count("/proc/self/fd"), n_fds);
	t_str(taken.image, scene_way_from(scene_image_names, i, scene_usual.image));
	t_str(taken.overlay, scene_way_from(scene_overlay_names, k, scene_usual.overlay));
	scene_check_tree(s);
	t_eq(scene_count("/tmp"), 2);
	t_eq(umount2(s->mnt, 0), 0);
	scene_check_nothing_left(s);
}

/* --- ways --------------------------------------------------------------------------- */

T(mount_each_way_shows_the_tree_and_leaves_nothing)
{
	struct scene s;

	scene_begin(&s);
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < 4; k++) {
			struct cfs_steps steps;

			scene_steps_from(&s, i, k, &steps);
			check_steps(&s, &steps, i, k);
			cfs_steps_fini(&steps);
		}
	}
	scene_end(&s);
}

/* Mounts with the scene's directory as root and its mnt as working directory; 0, or what
 * went wrong. */
static int mount_in_chroot(const struct scene *s, size_t k, const char *mountpoint)
{
	struct scene inside = *s;
	struct cfs_mount_dirs dirs;
	struct cfs_steps steps;
	struct cfs_err err;
	pid_t child = fork();
	int status;

	t_ok(child >= 0);
	if (child == 0) {
		if (chroot(s->dir) < 0 || chdir("/mnt") < 0)
			_exit(98);
		inside.o.objdirs = inside.objdirs;
		inside.o.objdir_fds = NULL;
		if (cfs_mount_dirs_open(&dirs, &inside.o, &err) < 0)
			_exit(97);
		scene_steps_from(&inside, 0, k, &steps);
		if (cfs_mount_apply(&steps, s->fd, mountpoint, NULL, &err) < 0)
			_exit(strstr(err.msg, "mount point") ? 1 : 2);
		_exit(0);
	}
	t_eq(waitpid(child, &status, 0), child);
	return status ? WEXITSTATUS(status) : 0;
}

/* Gives the chroot /proc, and /dev for the loop devices. */
static void fill_chroot(const struct scene *s, bool fill)
{
	char proc[128], dev[128];

	snprintf(proc, sizeof(proc), "%s/proc", s->dir);
	snprintf(dev, sizeof(dev), "%s/dev", s->dir);
	if (!fill) {
		t_eq(umount2(proc, 0), 0);
		t_eq(umount2(dev, 0), 0);
		return;
	}
	t_eq(mkdir(proc, 0755), 0);
	t_eq(mkdir(dev, 0755), 0);
	t_eq(mount("proc", proc, "proc", 0, NULL), 0);
	t_eq(mount("/dev", dev, NULL, MS_BIND, NULL), 0);
}

/* Whether the mount table has changed since the last time. */
static bool mounts_changed(int mountinfo)
{
	struct pollfd p = {.fd = mountinfo, .events = POLLPRI};

	return poll(&p, 1, 0) > 0;
}

/* In a chroot, / need not be a mount, and paths mean something else than in the
 * namespace's root; and what is attached apart must not be seen through a shared mount.
 */
T(mount_works_in_a_chroot_below_shared_mounts)
{
	static const char *const objdirs[] = {"../ob:jects,1", "/ob:jects,1"};
	struct scene s;
	int mountinfo;

	scene_begin(&s);
	mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	t_eq(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	fill_chroot(&s, true);
	for (size_t k = 0; k < 8; k++) {
		s.objdirs[0] = objdirs[k / 4];
		mounts_changed(mountinfo);
		t_eq(mount_in_chroot(&s, k % 4, "missing"), 1);
		t_ok(!mounts_changed(mountinfo));
		t_eq(mount_in_chroot(&s, k % 4, "."), 0);
		t_ok(mounts_changed(mountinfo));
		scene_check_tree(&s);
		t_eq(umount2(s.mnt, 0), 0);
	}
	close(mountinfo);
	fill_chroot(&s, false);
	t_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	scene_check_nothing_left(&s);
	scene_end(&s);
}

T(mount_of_an_image_on_tmpfs_goes_through_a_loop_device)
{
	struct scene s;
	struct cfs_mount_taken taken;
	struct cfs_err err;
	char shm[128], image[160];
	int fd;

	scene_begin(&s);
	snprintf(shm, sizeof(shm), "%s/shm", s.dir);
	snprintf(image, sizeof(image), "%s/image.cfs", shm);
	t_eq(mkdir(shm, 0755), 0);
	t_eq(mount("shm", shm, "tmpfs", 0, NULL), 0);
	scene_write(image, scene_image_bytes, (size_t)scene_image_len);
	fd = open(image, O_RDONLY | O_CLOEXEC);
	if (cfs_mount_fd(fd, s.mnt, &s.o, &taken, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	close(fd);
	t_str(taken.image, "loop");
	t_ok(scene_has_loop(&s));
	scene_check_tree(&s);
	t_eq(umount2(s.mnt, 0), 0);
	t_eq(umount2(shm, 0), 0);
	scene_check_nothing_left(&s);
	scene_end(&s);
}

/* As an ordinary layer the object directory shows all that lies in it. */
T(mount_hides_foreign_names_of_the_object_directory)
{
	struct scene s;
	char intruder[160];

	scene_begin(&s);
	snprintf(intruder, sizeof(intruder), "%s/intruder", s.objects);
	scene_write(intruder, "#!", 2);
	for (size_t k = 0; k < 4; k++) {
		struct cfs_steps steps;
		struct cfs_err err;

		scene_steps_from(&s, 0, k, &steps);
		if (strcmp(scene_way_from(scene_overlay_names, k, scene_usual.overlay),
			   "mount(2), plain layers") != 0) {
			check_steps(&s, &steps, 0, k);
		} else {
			t_eq(cfs_mount_apply(&steps, s.fd, s.mnt, NULL, &err), -EEXIST);
			t_has(err.msg, "intruder would appear in the mount");
			scene_check_nothing_left(&s);
		}
		cfs_steps_fini(&steps);
	}
	scene_end(&s);
}

/* The path may name another directory by the time the kernel is called. */
T(mount_each_way_uses_the_object_directory_that_was_opened)
{
	struct scene s;
	char aside[160];

	scene_begin(&s);
	snprintf(aside, sizeof(aside), "%s/aside", s.dir);
	t_eq(rename(s.objects, aside), 0);
	t_eq(mkdir(s.objects, 0755), 0);
	for (size_t k = 0; k < 4; k++) {
		struct cfs_steps steps;

		scene_steps_from(&s, 0, k, &steps);
		check_steps(&s, &steps, 0, k);
		cfs_steps_fini(&steps);
	}
	scene_end(&s);
}

/* --- failures ----------------------------------------------------------------------- */

/* A step that fails wherever it stands. */
static const struct cfs_step broken = {CFS_STEP_DIR, "no-such-option", "/nonexistent"};

/* Runs one pair of ways; in one of them a step that fails stands instead of step number
 * at. False when there are not so many steps. */
static bool check_broken(const struct scene *s, size_t i, size_t k, bool overlay,
			 size_t at)
{
	size_t n_fds = scene_count("/proc/self/fd");
	struct cfs_steps steps;
	struct cfs_way *way;
	bool more;

	scene_only_ways(s, i, k, &steps);
	way = overlay ? scene_overlay_way(&steps, k) : &steps.image.way[0];
	more = at < way->n_steps;
	if (more) {
		way->steps[at] = broken;
		way->n_steps = at + 1;
		t_ok(cfs_mount_apply(&steps, s->fd, s->mnt, NULL, NULL) < 0);
		t_eq(scene_count("/proc/self/fd"), n_fds);
	}
	cfs_steps_fini(&steps);
	return more;
}

static void check_broken_ways(const struct scene *s, size_t i, size_t k)
{
	for (size_t at = 0; check_broken(s, i, k, false, at); at++)
		;
	for (size_t at = 0; check_broken(s, i, k, true, at); at++)
		;
	scene_check_nothing_left(s);
}

T(mount_that_fails_at_any_step_leaves_nothing)
{
	struct scene s;

	scene_begin(&s);
	for (size_t i = 0; i < 2; i++) {
		for (size_t k = 0; k < 4; k++)
			check_broken_ways(&s, i, k);
	}
	scene_end(&s);
}

T(mount_error_holds_what_the_kernel_said)
{
	static struct cfs_step nonsense = {CFS_STEP_STRING, "nonsense", "1"};
	struct cfs_steps steps;
	struct cfs_err err;
	struct scene s;

	scene_begin(&s);
	if (strncmp(scene_usual.overlay, "mount", 5) == 0) {
		scene_end(&s);
		t_skip("this kernel says nothing to the caller");
	}
	scene_steps(&s, &steps);
	steps.overlay.way[0].steps[3] = nonsense;
	t_eq(cfs_mount_apply(&steps, s.fd, s.mnt, NULL, &err), -EINVAL);
	t_str(err.msg,
	      "overlay: nonsense=1: Invalid argument: overlay: Unknown parameter "
	      "'nonsense'");
	cfs_steps_fini(&steps);
	scene_check_nothing_left(&s);
	scene_end(&s);
}
