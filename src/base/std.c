/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The standard descriptors of a program. */
#include "base/std.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { NULL_MAJOR = 1, NULL_MINOR = 3 };

bool cfs_std_is_null(const struct stat *st)
{
	return S_ISCHR(st->st_mode) && st->st_rdev == makedev(NULL_MAJOR, NULL_MINOR);
}

/* Another file in its place, for example in a chroot, would receive the output. */
static int check_null(int fd, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "/dev/null");
	if (!cfs_std_is_null(&st))
		return cfs_fail(err, ENODEV, "/dev/null: expected the null device");
	return 0;
}

/* Opens /dev/null as a standard descriptor that the caller closed, for the opposite
 * direction: a read from standard output fails, instead of reading a file that got its
 * number. */
static int open_null(int fd, struct cfs_err *err)
{
	int direction = fd == STDIN_FILENO ? O_WRONLY : O_RDONLY;
	int got = open("/dev/null", direction | O_NOCTTY | O_NONBLOCK);
	int rc;

	if (got < 0)
		return cfs_fail_errno(err, "/dev/null");
	rc = check_null(got, err);
	if (rc == 0 && got != fd)
		rc = cfs_fail(err, EBADF, "/dev/null: expected descriptor %d, got %d", fd,
			      got);
	if (rc < 0)
		close(got);
	return rc;
}

int cfs_std_open(struct cfs_err *err)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		int rc = 0;

		if (fcntl(fd, F_GETFD) < 0 && errno == EBADF)
			rc = open_null(fd, err);
		if (rc < 0)
			return cfs_context(err, rc, "descriptor %d is closed", fd);
	}
	return 0;
}
