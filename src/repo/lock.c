/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lock of a repository: a flock on its directory, which composefs-rs takes, too. Who uses the
 * repository shares it, who collects has it alone. The kernel lets new sharers pass one who waits to
 * be alone; so that a busy repository can be collected, our writers pass through a second lock first,
 * which a collector holds while it waits. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "repo/repo_priv.h"

static const char gate_name[] = ".lock-gc";

static int lock(int fd, int how)
{
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A gate that cannot be opened (a read-only file system) holds nobody up. */
static int pass_gate(int dirfd, int how)
{
	int fd = openat(dirfd, gate_name,
			O_RDONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);

	if (fd >= 0)
		(void)lock(fd, how);
	return fd;
}

int repo_lock_shared(int dirfd, bool writer, struct cfs_err *err)
{
	cfs_autofd int gate = writer ? pass_gate(dirfd, LOCK_SH) : -1;
	int rc = lock(dirfd, LOCK_SH);

	if (rc == 0 ||
	    !writer) /* without locks there is nothing that reading could wait for */
		return 0;
	errno = -rc;
	return cfs_fail_errno(err, "lock");
}
