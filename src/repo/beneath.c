/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Paths whose every component is what it says: in a repository from a stranger, any of them may be a
 * symlink to somewhere else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "repo/repo_priv.h"

/* One component after the other, for kernels before 5.6 and sandboxes that refuse the call. */
static int walk(int dirfd, const char *path, int flags)
{
	cfs_autofd int at = -1;

	for (;;) {
		char name[REPO_NAME_MAX];
		size_t len = strcspn(path, "/");
		bool last = path[len] == '\0';
		int fd;

		if (len == 0 || len >= sizeof(name))
			return len ? -ENAMETOOLONG : -ENOENT;
		memcpy(name, path, len);
		name[len] = '\0';
		if (strcmp(name, "..") == 0)
			return -EXDEV;
		fd = openat(at < 0 ? dirfd : at, name,
			    O_NOFOLLOW |
				    (last ? flags : O_PATH | O_DIRECTORY | O_CLOEXEC));
		if (fd < 0 || last)
			return fd < 0 ? -errno : fd;
		if (at >= 0)
			close(at);
		at = fd;
		path += len + 1;
	}
}

static int open_once(int dirfd, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	long fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));

	if (fd >= 0)
		return (int)fd;
	if (errno == ENOSYS || errno == EPERM)
		return walk(dirfd, path, flags | O_CLOEXEC);
	return -errno;
}

/* Collectors have a lease on an image for a moment, when they ask whether it is in use (inuse.c). Without
 * O_NONBLOCK an open would wait for them, but for ever for the writer of a fifo that somebody put there. */
int repo_beneath(int dirfd, const char *path, int flags)
{
	enum { TRIES = 1000, NAP_NS = 1000000 };
	static const struct timespec nap = {.tv_nsec = NAP_NS};
	int fd = open_once(dirfd, path, flags);

	for (int i = 0; fd == -EAGAIN && i < TRIES; i++) {
		nanosleep(&nap, NULL);
		fd = open_once(dirfd, path, flags);
	}
	return fd;
}

int repo_fail_beneath(int code, const char *place, struct cfs_err *err)
{
	if (code == -ELOOP)
		return cfs_fail(err, ELOOP, "%s: want no symlink on the way there",
				place);
	errno = -code;
	return cfs_fail_errno(err, "%s", place);
}
