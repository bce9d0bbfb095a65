/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Is an image in use? No book is kept: the kernel knows. A write lease is given only on a file that
 * nobody else has open, and EROFS, or the loop device below it, has the image open for as long as
 * it is mounted, whatever mount namespace that is in. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>

#include "repo/mark.h"

int repo_is_open(const struct cfs_repo *repo, const struct cfs_digest *id)
{
	struct cfs_err err;
	cfs_autofd int fd = cfs_repo_open_object(repo, id, CFS_REPO_SEALED, &err);

	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return fd;
	/* Who opens it just now lets the kernel send us a signal: one that nobody minds, for SIGIO ends
	 * a program. */
	(void)fcntl(fd, F_SETSIG, SIGURG);
	if (fcntl(fd, F_SETLEASE, F_WRLCK) < 0)
		return errno == EAGAIN ? 1 : -errno;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

const char *repo_in_use(const struct cfs_repo *repo, const struct cfs_digest *id)
{
	int open = repo_is_open(repo, id);

	if (open == 0)
		return NULL;
	return open > 0 ? "it is mounted, or open in some program"
			: "the kernel does not tell whether it is mounted";
}
