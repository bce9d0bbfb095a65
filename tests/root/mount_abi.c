/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: mounts that succeed, with each of the options, and errors that take root to see. (What
 * is refused before: tests/unit.) */
#include "root/mount_scene.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "libcomposefs/lcfs-mount.h"

/* A scene, and the options that it takes at least. */
struct stage {
	struct scene scene;
	const char *objdirs[1];
	struct lcfs_mount_options_s options;
};

static void stage_begin(struct stage *st)
{
	scene_begin(&st->scene);
	st->objdirs[0] = st->scene.objects;
	st->options = (struct lcfs_mount_options_s){st->objdirs, 1};
}

/* Takes the mount away; nothing may be left of it. */
static void strike(const struct stage *st)
{
	t_eq(umount2(st->scene.mnt, 0), 0);
	scene_check_nothing_left(&st->scene);
}

static void check_mounts(struct stage *st)
{
	struct scene *s = &st->scene;
	size_t n_fds = scene_count("/proc/self/fd");

	t_eq(lcfs_mount_image(s->image, s->mnt, &st->options), 0);
	scene_check_tree(s);
	strike(st);
	t_eq(lcfs_mount_fd(s->fd, s->mnt, &st->options), 0);
	scene_check_tree(s);
	strike(st);
	t_eq(scene_count("/proc/self/fd"), n_fds);
}

T(abi_mounts_by_path_and_by_descriptor)
{
	struct stage st;

	stage_begin(&st);
	check_mounts(&st);
	st.options.flags = LCFS_MOUNT_FLAGS_TRY_VERITY;
	check_mounts(&st);
	st.options.flags = 4; /* has no name */
	check_mounts(&st);
	st.options.image_mountdir = "/none";
	check_mounts(&st);
	scene_end(&st.scene);
}

/* What creating a file on the mount gives. */
static int create(const struct stage *st)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/new", st->scene.mnt);
	fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

T(abi_mounts_are_writable_with_an_upper_directory_and_without_readonly)
{
	struct stage st;
	struct scene *s = &st.scene;

	stage_begin(&st);
	t_eq(lcfs_mount_fd(s->fd, s->mnt, &st.options), 0);
	t_eq(create(&st), -EROFS);
	strike(&st);
	t_eq(mkdir("/tmp/upper", 0755), 0);
	t_eq(mkdir("/tmp/work", 0755), 0);
	st.options.upperdir = "/tmp/upper";
	st.options.workdir = "/tmp/work";
	st.options.flags = LCFS_MOUNT_FLAGS_READONLY;
	t_eq(lcfs_mount_fd(s->fd, s->mnt, &st.options), 0);
	t_eq(create(&st), -EROFS);
	t_eq(umount2(s->mnt, 0), 0);
	st.options.flags = 0;
	t_eq(lcfs_mount_fd(s->fd, s->mnt, &st.options), 0);
	t_eq(create(&st), 0);
	t_eq(umount2(s->mnt, 0), 0);
	t_eq(access("/tmp/upper/new", F_OK), 0);
	t_eq(system("rm -rf /tmp/upper /tmp/work"), 0);
	scene_check_nothing_left(s);
	scene_end(s);
}

/* A user namespace in which owner 100000 outside is 0 inside. */
static int user_namespace(void)
{
	char path[64], map[] = "0 100000 65536\n";
	int ready[2], fd;
	pid_t child;

	t_eq(pipe(ready), 0);
	child = fork();
	t_ok(child >= 0);
	if (child == 0) {
		char c = unshare(CLONE_NEWUSER) == 0;

		if (write(ready[1], &c, 1) == 1)
			pause();
		_exit(1);
	}
	t_eq(read(ready[0], path, 1), 1);
	fd = -1;
	if (path[0]) {
		snprintf(path, sizeof(path), "/proc/%d/uid_map", (int)child);
		scene_write(path, map, strlen(map));
		snprintf(path, sizeof(path), "/proc/%d/gid_map", (int)child);
		scene_write(path, map, strlen(map));
		snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)child);
		fd = open(path, O_RDONLY | O_CLOEXEC);
	}
	kill(child, SIGKILL);
	t_eq(waitpid(child, NULL, 0), child);
	close(ready[0]);
	close(ready[1]);
	return fd;
}

T(abi_idmap_maps_the_owners)
{
	struct stage st;
	struct scene *s = &st.scene;
	struct stat plain, mapped;

	stage_begin(&st);
	st.options.idmap_fd = user_namespace();
	if (st.options.idmap_fd < 0)
		t_skip("no user namespaces");
	t_eq(lcfs_mount_fd(s->fd, s->mnt, &st.options), 0);
	t_eq(stat(s->mnt, &plain), 0);
	strike(&st);
	st.options.flags = LCFS_MOUNT_FLAGS_IDMAP;
	if (lcfs_mount_fd(s->fd, s->mnt, &st.options) < 0)
		t_skip("this kernel maps no owners of EROFS: %s", strerror(errno));
	t_eq(stat(s->mnt, &mapped), 0);
	t_eq(mapped.st_uid, plain.st_uid + 100000);
	t_eq(mapped.st_gid, plain.st_gid + 100000);
	strike(&st);
	close(st.options.idmap_fd);
	scene_end(s);
}

/* errno of a mount that fails, and leaves nothing. */
static int errno_of(struct stage *st, const char *image, const char *mountpoint)
{
	int errnum;

	t_eq(lcfs_mount_image(image, mountpoint, &st->options), -1);
	errnum = errno;
	scene_check_nothing_left(&st->scene);
	return errnum;
}

static int errno_without_privilege(struct stage *st)
{
	int status;
	pid_t child = fork();

	t_ok(child >= 0);
	if (child == 0) {
		if (setresuid(65534, 65534, 65534) < 0 ||
		    lcfs_mount_fd(st->scene.fd, st->scene.mnt, &st->options) == 0)
			_exit(0);
		_exit(errno);
	}
	t_eq(waitpid(child, &status, 0), child);
	return WEXITSTATUS(status);
}

T(abi_mounts_fail_as_the_system_calls_do)
{
	struct stage st;
	struct scene *s = &st.scene;

	stage_begin(&st);
	t_eq(errno_of(&st, s->image, "none"), ENOENT);
	t_eq(errno_of(&st, s->dir, s->mnt), EISDIR);
	st.objdirs[0] = "none";
	t_eq(errno_of(&st, s->image, s->mnt), ENOENT);
	st.objdirs[0] = s->objects;
	t_eq(chmod(s->dir, 0755), 0);
	t_eq(errno_without_privilege(&st), EPERM);
	scene_end(s);
}
