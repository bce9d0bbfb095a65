/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base/beneath: no component of a path is followed out of the directory, with openat2(2) and without. */
#include "t.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/base.h"
#include "fault.h"
#include "tmpdir.h"

/* in/dir/file, in/to-dir -> dir, in/dir/to-file -> file, in/fifo; out/file beside it. */
static void make_scene(void)
{
	umask(022);
	tmp_fresh();
	t_eq(mkdir(tmp_in("in"), 0755), 0);
	t_eq(mkdir(tmp_in("in/dir"), 0755), 0);
	t_eq(mkdir(tmp_in("out"), 0755), 0);
	tmp_text("in/dir/file", "inside");
	tmp_text("out/file", "outside");
	t_eq(symlink("dir", tmp_in("in/to-dir")), 0);
	t_eq(symlink("file", tmp_in("in/dir/to-file")), 0);
	t_eq(symlink("../out", tmp_in("in/to-out")), 0);
	t_eq(mkfifo(tmp_in("in/fifo"), 0600), 0);
}

static int open_scene(void)
{
	return open(tmp_in("in"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Opens and closes: 0 or -errno. */
static int try_open(int dirfd, const char *path, int flags)
{
	int fd = cfs_beneath_open(dirfd, path, flags, 0600);

	return fd < 0 ? fd : close(fd);
}

/* Runs the check as it is, and in a child that has no openat2(2). */
static void run_both_ways(int (*check)(void))
{
	static const struct fault enosys = {.nr = SYS_openat2, .errnum = ENOSYS};

	make_scene();
	t_eq(check(), 0);
	make_scene();
	t_eq(fault_run(&enosys, check), 0);
}

static int check_stat_near(void)
{
	struct cfs_beneath_near *near = cfs_beneath_new_near(1);
	cfs_autofd int in = open_scene();
	struct stat st;

	CHILD_CHECK(near && in >= 0);
	for (int i = 0; i < 2; i++) {
		CHILD_CHECK(cfs_beneath_stat_near(near, in, "dir/file", &st) == 0);
		CHILD_CHECK(S_ISREG(st.st_mode));
		CHILD_CHECK(cfs_beneath_stat_near(near, in, "dir/to-file", &st) == 0);
		CHILD_CHECK(S_ISLNK(st.st_mode));
		CHILD_CHECK(cfs_beneath_stat_near(near, in, "dir/no", &st) == -ENOENT);
	}
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "to-dir/file", &st) == -ELOOP);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "to-out/file", &st) == -ELOOP);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "../out/file", &st) == -EXDEV);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "dir/file", &st) == 0);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "dir/..", &st) == -EINVAL);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "dir/", &st) == -EINVAL);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "/file", &st) == -EINVAL);
	CHILD_CHECK(cfs_beneath_stat_near(near, in, "file", &st) == -EINVAL);
	cfs_beneath_free_near(near, 1);
	return 0;
}

T(stat_near_follows_no_link_and_leaves_no_directory)
{
	run_both_ways(check_stat_near);
}

static int check_open(void)
{
	const int path = O_PATH, read = O_RDONLY | O_NONBLOCK;
	cfs_autofd int in = open_scene();

	CHILD_CHECK(in >= 0);
	CHILD_CHECK(try_open(in, "dir/file", read) == 0);
	CHILD_CHECK(try_open(in, "dir//file", read) == 0);
	CHILD_CHECK(try_open(in, "./dir/file", read) == 0);
	CHILD_CHECK(try_open(in, "dir/", path) == 0);
	CHILD_CHECK(try_open(in, "fifo", read) == 0);
	CHILD_CHECK(try_open(in, "fifo", O_WRONLY | O_NONBLOCK) == -ENXIO);
	CHILD_CHECK(try_open(in, "to-dir/file", read) == -ELOOP);
	CHILD_CHECK(try_open(in, "dir/to-file", read) == -ELOOP);
	CHILD_CHECK(try_open(in, "dir/to-file", path) == -ELOOP);
	CHILD_CHECK(try_open(in, "dir/to-file", path | O_NOFOLLOW) == 0);
	CHILD_CHECK(try_open(in, "to-dir", path | O_DIRECTORY) == -ELOOP);
	CHILD_CHECK(try_open(in, "to-out/file", O_WRONLY | O_CREAT) == -ELOOP);
	CHILD_CHECK(try_open(in, "to-out", O_WRONLY | O_CREAT | O_EXCL) == -EEXIST);
	CHILD_CHECK(try_open(in, "../out/file", read) == -EXDEV);
	CHILD_CHECK(try_open(in, "/etc/passwd", read) == -EXDEV);
	CHILD_CHECK(try_open(in, "dir/file/", path) == -ENOTDIR);
	CHILD_CHECK(try_open(in, "dir/none", read) == -ENOENT);
	CHILD_CHECK(try_open(in, "dir/new", O_WRONLY | O_CREAT | O_EXCL) == 0);
	CHILD_CHECK(try_open(in, "", path) == -ENOENT);
	return 0;
}

T(open_follows_no_link_in_any_component)
{
	run_both_ways(check_open);
}

/* Opens the directory and a file in it: 0 or -errno. */
static int try_chroot(int dirfd, const char *dir, const char *name)
{
	cfs_autofd int fd = cfs_beneath_open_dir_chroot(dirfd, dir);

	return fd < 0 ? fd : try_open(fd, name, O_RDONLY | O_NONBLOCK);
}

T(open_as_in_a_chroot_follows_links_that_cannot_lead_out)
{
	cfs_autofd int in = -1;

	make_scene();
	t_eq(symlink("/dir", tmp_in("in/to-root")), 0);
	t_eq(symlink("../../dir", tmp_in("in/dir/up")), 0);
	t_eq(symlink("/proc/self/root", tmp_in("in/to-proc")), 0);
	in = open_scene();
	t_ok(in >= 0);
	t_eq(try_chroot(in, "to-dir", "file"), 0);
	t_eq(try_chroot(in, "to-root", "file"), 0);
	t_eq(try_chroot(in, "dir/up", "file"), 0);
	t_eq(try_chroot(in, "to-out", "file"), -ENOENT);
	t_eq(try_chroot(in, "to-proc", "file"), -ENOENT);
	t_eq(try_chroot(in, "to-dir", "to-file"), -ELOOP);
}

static int try_file_chroot(int dirfd, const char *path)
{
	int fd = cfs_beneath_open_file_chroot(dirfd, path);

	return fd < 0 ? fd : close(fd);
}

T(open_file_as_in_a_chroot_opens_nothing_but_regular_files)
{
	cfs_autofd int in = -1;

	make_scene();
	t_eq(symlink("/dir/file", tmp_in("in/to-file")), 0);
	t_eq(symlink("../out/file", tmp_in("in/to-out-file")), 0);
	t_eq(symlink("none", tmp_in("in/dangling")), 0);
	in = open_scene();
	t_ok(in >= 0);
	t_eq(try_file_chroot(in, "dir/file"), 0);
	t_eq(try_file_chroot(in, "to-file"), 0);
	t_eq(try_file_chroot(in, "to-out-file"), -ENOENT);
	t_eq(try_file_chroot(in, "to-out/file"), -ENOENT);
	t_eq(try_file_chroot(in, "dangling"), -ENOENT);
	t_eq(try_file_chroot(in, "dir"), -EISDIR);
	t_eq(try_file_chroot(in, "fifo"), -EINVAL);
}

static int check_chroot_without_openat2(void)
{
	cfs_autofd int in = open_scene();

	CHILD_CHECK(try_chroot(in, "dir", "file") == 0);
	CHILD_CHECK(try_chroot(in, "to-dir", "file") == -ELOOP);
	CHILD_CHECK(try_chroot(in, "to-out", "file") == -ELOOP);
	return 0;
}

T(open_as_in_a_chroot_follows_no_link_without_openat2)
{
	static const struct fault enosys = {.nr = SYS_openat2, .errnum = ENOSYS};

	make_scene();
	t_eq(fault_run(&enosys, check_chroot_without_openat2), 0);
}

static int check_stat(void)
{
	cfs_autofd int in = open_scene();
	struct stat st;

	CHILD_CHECK(cfs_beneath_stat(in, "dir/file", &st) == 0 && st.st_size == 6);
	CHILD_CHECK(cfs_beneath_stat(in, "dir/to-file", &st) == 0);
	CHILD_CHECK(S_ISLNK(st.st_mode));
	CHILD_CHECK(cfs_beneath_stat(in, "to-dir/file", &st) == -ELOOP);
	CHILD_CHECK(cfs_beneath_stat(in, "none/file", &st) == -ENOENT);
	return 0;
}

T(stat_shows_a_link_in_the_last_place_only)
{
	run_both_ways(check_stat);
}

static int check_unlink(void)
{
	cfs_autofd int in = open_scene();

	CHILD_CHECK(cfs_beneath_unlink(in, "to-out/file", 0) == -ELOOP);
	CHILD_CHECK(cfs_beneath_unlink(in, "../out/file", 0) == -EXDEV);
	CHILD_CHECK(cfs_beneath_unlink(in, "dir/..", AT_REMOVEDIR) == -EINVAL);
	CHILD_CHECK(access(tmp_in("out/file"), F_OK) == 0);
	CHILD_CHECK(cfs_beneath_unlink(in, "dir/to-file", 0) == 0);
	CHILD_CHECK(access(tmp_in("in/dir/file"), F_OK) == 0);
	CHILD_CHECK(cfs_beneath_unlink(in, "dir/file", 0) == 0);
	CHILD_CHECK(cfs_beneath_unlink(in, "dir/file", 0) == -ENOENT);
	CHILD_CHECK(cfs_beneath_unlink(in, "dir", AT_REMOVEDIR) == 0);
	return 0;
}

T(unlink_reaches_nothing_outside)
{
	run_both_ways(check_unlink);
}

/* 0 when a directory was made or found. */
static int try_make_dir(int dirfd, const char *path)
{
	int fd = cfs_beneath_make_dir(dirfd, path, 0700);

	return fd < 0 ? fd : close(fd);
}

static int check_make_dir(void)
{
	cfs_autofd int in = open_scene();
	struct stat st;

	CHILD_CHECK(try_make_dir(in, "new/er/est") == 0);
	CHILD_CHECK(try_make_dir(in, "new/er/est/") == 0);
	CHILD_CHECK(stat(tmp_in("in/new/er/est"), &st) == 0);
	CHILD_CHECK((st.st_mode & 07777) == 0700);
	CHILD_CHECK(try_make_dir(in, "dir") == 0);
	CHILD_CHECK(stat(tmp_in("in/dir"), &st) == 0 && (st.st_mode & 07777) == 0755);
	CHILD_CHECK(try_make_dir(in, "to-out/new") == -ELOOP);
	CHILD_CHECK(try_make_dir(in, "new/../../out/new") == -EXDEV);
	CHILD_CHECK(access(tmp_in("out/new"), F_OK) < 0);
	CHILD_CHECK(try_make_dir(in, "dir/file/new") == -ENOTDIR);
	return 0;
}

T(make_dir_makes_what_is_missing_and_nothing_outside)
{
	run_both_ways(check_make_dir);
}

static int check_parent(void)
{
	cfs_autofd int in = open_scene();
	const char *name = "";
	int fd = cfs_beneath_open_parent(in, "dir/none", &name);

	CHILD_CHECK(fd >= 0 && strcmp(name, "none") == 0);
	CHILD_CHECK(faccessat(fd, "file", F_OK, 0) == 0 && close(fd) == 0);
	fd = cfs_beneath_open_parent(in, "none", &name);
	CHILD_CHECK(fd >= 0 && strcmp(name, "none") == 0);
	CHILD_CHECK(faccessat(fd, "dir", F_OK, 0) == 0 && close(fd) == 0);
	CHILD_CHECK(cfs_beneath_open_parent(in, "to-dir/file", &name) == -ELOOP);
	CHILD_CHECK(cfs_beneath_open_parent(in, "dir/", &name) == -EINVAL);
	CHILD_CHECK(cfs_beneath_open_parent(in, "/dir", &name) == -EXDEV);
	return 0;
}

T(parent_is_opened_and_the_last_name_is_returned)
{
	run_both_ways(check_parent);
}

T(error_names_the_place_and_the_link)
{
	struct cfs_err err;

	t_eq(cfs_beneath_fail(-ELOOP, "objects/ab", &err), -ELOOP);
	t_str(err.msg, "objects/ab: symbolic link in the path");
	t_eq(cfs_beneath_fail(-EACCES, "objects/ab", &err), -EACCES);
	t_str(err.msg, "objects/ab: Permission denied");
}
