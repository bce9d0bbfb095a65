/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Open files without following symbolic links: with openat2(2), or one component at a
 * time. */
#include "base/beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/path.h"

enum { OPEN_DIR = O_PATH | O_DIRECTORY };

/* Copies the first component of path to name, with a NUL. Returns the rest of the path
 * without leading slashes, "" at the end of the path, or NULL if the component is too
 * long. */
static const char *take_component(const char *path, char name[NAME_MAX + 1])
{
	size_t len = strcspn(path, "/");

	if (len > NAME_MAX)
		return NULL;
	memcpy(name, path, len);
	name[len] = '\0';
	return path + len + strspn(path + len, "/");
}

/* Chooses the error of an open that failed or opened a link. What cannot be examined
 * counts as no link: the caller then reports the first error. */
static bool is_symlink_beneath(int dirfd, const char *name)
{
	struct stat st;

	return fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 &&
	       S_ISLNK(st.st_mode);
}

/* Opens one name without a slash. */
static int open_component(int dirfd, const char *name, int flags, mode_t mode)
{
	int fd;

	if (strcmp(name, "..") == 0)
		return -EXDEV;
	fd = openat(dirfd, name, flags | O_NOFOLLOW | O_CLOEXEC, mode);
	/* With O_DIRECTORY a symbolic link gives ENOTDIR; O_PATH opens the link
	 * itself. */
	if (fd < 0)
		return errno == ENOTDIR && is_symlink_beneath(dirfd, name) ? -ELOOP
									   : -errno;
	if ((flags & O_PATH) && !(flags & O_NOFOLLOW) && is_symlink_beneath(fd, "")) {
		close(fd);
		return -ELOOP;
	}
	return fd;
}

/* Opens one component at a time, for kernels before 5.6 and for seccomp filters that
 * refuse openat2. */
static int open_stepwise(int dirfd, const char *path, int flags, mode_t mode)
{
	cfs_autofd int at = -1;

	if (*path == '/' || !*path)
		return *path ? -EXDEV : -ENOENT;
	for (;;) {
		char name[NAME_MAX + 1];
		const char *rest = take_component(path, name);
		int fd;

		if (!rest)
			return -ENAMETOOLONG;
		if (!*rest && path[strlen(path) - 1] == '/')
			flags |= O_DIRECTORY;
		fd = open_component(at < 0 ? dirfd : at, name, *rest ? OPEN_DIR : flags,
				    mode);
		if (fd < 0 || !*rest)
			return fd;
		if (at >= 0)
			close(at);
		at = fd;
		path = rest;
	}
}

/* openat2(2); step by step on kernels before 5.6, and under seccomp filters of
 * containers, which answer EPERM. */
static int open_once(int dirfd, const char *path, int flags, mode_t mode,
		     uint64_t resolve)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode : 0,
		.resolve = resolve | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	if (errno == ENOSYS || errno == EPERM)
		return open_stepwise(dirfd, path, flags, mode);
	return -errno;
}

/* The garbage collector holds a lease on an image for a moment, to find out whether it
 * is in use. O_NONBLOCK then gives EAGAIN. Without the flag, the kernel would wait for
 * the lease to end, but open() would also block forever on a FIFO that an attacker put
 * there. */
static int open_patiently(int dirfd, const char *path, int flags, mode_t mode,
			  uint64_t resolve)
{
	enum { TRIES = 1000, NAP_NS = 1000000 };
	static const struct timespec nap = {.tv_nsec = NAP_NS};
	int fd = open_once(dirfd, path, flags, mode, resolve);

	for (int i = 0; fd == -EAGAIN && i < TRIES; i++) {
		nanosleep(&nap, NULL);
		fd = open_once(dirfd, path, flags, mode, resolve);
	}
	return fd;
}

int cfs_beneath_open(int dirfd, const char *path, int flags, mode_t mode)
{
	return open_patiently(dirfd, path, flags, mode,
			      RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

/* The kernel gives EAGAIN for ".." during any rename, too. */
int cfs_beneath_open_dir_chroot(int dirfd, const char *path)
{
	return open_patiently(dirfd, path, OPEN_DIR, 0, RESOLVE_IN_ROOT);
}

int cfs_beneath_open_file_chroot(int dirfd, const char *path)
{
	cfs_autofd int found = open_patiently(dirfd, path, O_PATH, 0, RESOLVE_IN_ROOT);
	char proc[32];
	struct stat st;
	int fd;

	if (found < 0)
		return found;
	if (fstat(found, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
	snprintf(proc, sizeof(proc), "/proc/self/fd/%d", found);
	fd = open(proc, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cfs_beneath_open_dir(int dirfd, const char *path)
{
	return cfs_beneath_open(dirfd, path, OPEN_DIR, 0);
}

int cfs_beneath_open_parent(int dirfd, const char *path, const char **name)
{
	const char *slash = strrchr(path, '/'), *last = slash ? slash + 1 : path;
	char dir[PATH_MAX];

	if (!cfs_path_is_name(last))
		return -EINVAL;
	*name = last;
	if (!slash)
		return cfs_beneath_open_dir(dirfd, ".");
	if (slash == path)
		return -EXDEV;
	if ((size_t)(slash - path) >= sizeof(dir))
		return -ENAMETOOLONG;
	memcpy(dir, path, (size_t)(slash - path));
	dir[slash - path] = '\0';
	return cfs_beneath_open_dir(dirfd, dir);
}

/* Opens what exists first: most calls find the whole path. Each component is made in the
 * directory that was opened for the one before, so a swapped link leads nowhere. */
int cfs_beneath_make_dir(int dirfd, const char *path, mode_t mode)
{
	cfs_autofd int at = -1;
	int fd = cfs_beneath_open_dir(dirfd, path);

	if (fd != -ENOENT || !*path)
		return fd;
	for (;;) {
		char name[NAME_MAX + 1];
		int in = at < 0 ? dirfd : at;

		path = take_component(path, name);
		if (!path)
			return -ENAMETOOLONG;
		if (mkdirat(in, name, mode) < 0 && errno != EEXIST)
			return -errno;
		fd = cfs_beneath_open_dir(in, name);
		if (fd < 0 || !*path)
			return fd;
		if (at >= 0)
			close(at);
		at = fd;
	}
}

int cfs_beneath_stat(int dirfd, const char *path, struct stat *out)
{
	cfs_autofd int fd = cfs_beneath_open(dirfd, path, O_PATH | O_NOFOLLOW, 0);

	if (fd < 0)
		return fd;
	return fstat(fd, out) < 0 ? -errno : 0;
}

struct cfs_beneath_near *cfs_beneath_new_near(unsigned n)
{
	struct cfs_beneath_near *near = calloc(n, sizeof(*near));

	for (unsigned i = 0; near && i < n; i++)
		near[i].fd = -1;
	return near;
}

static void leave_near(struct cfs_beneath_near *near)
{
	if (near->fd >= 0)
		close(near->fd);
	near->fd = -1;
}

void cfs_beneath_free_near(struct cfs_beneath_near *near, unsigned n)
{
	for (unsigned i = 0; near && i < n; i++)
		leave_near(&near[i]);
	free(near);
}

/* Makes fd the directory of len bytes of path. */
static int enter_near(struct cfs_beneath_near *near, int dirfd, const char *path,
		      size_t len)
{
	char dir[sizeof(near->dir)];

	memcpy(dir, path, len);
	dir[len] = '\0';
	if (near->fd >= 0 && strcmp(near->dir, dir) == 0)
		return 0;
	leave_near(near);
	near->fd = cfs_beneath_open_dir(dirfd, dir);
	if (near->fd < 0)
		return near->fd;
	memcpy(near->dir, dir, len + 1);
	return 0;
}

int cfs_beneath_stat_near(struct cfs_beneath_near *near, int dirfd, const char *path,
			  struct stat *out)
{
	const char *slash = strrchr(path, '/');
	int rc;

	if (!slash || slash == path || (size_t)(slash - path) >= sizeof(near->dir) ||
	    !cfs_path_is_name(slash + 1))
		return -EINVAL;
	rc = enter_near(near, dirfd, path, (size_t)(slash - path));
	if (rc < 0)
		return rc;
	return fstatat(near->fd, slash + 1, out, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

int cfs_beneath_unlink(int dirfd, const char *path, int flags)
{
	const char *name;
	cfs_autofd int dir = cfs_beneath_open_parent(dirfd, path, &name);

	if (dir < 0)
		return dir;
	return unlinkat(dir, name, flags) < 0 ? -errno : 0;
}

int cfs_beneath_fail(int code, const char *place, struct cfs_err *err)
{
	if (code == -ELOOP)
		return cfs_fail(err, ELOOP, "%s: symbolic link in the path", place);
	if (code == -EXDEV)
		return cfs_fail(err, EXDEV, "%s: path leaves its directory", place);
	errno = -code;
	return cfs_fail_errno(err, "%s", place);
}
