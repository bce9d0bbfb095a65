/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Removing a directory with its content. */
#include "repo/remove.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "repo/repo_priv.h"

enum { DEPTH_MAX = 200 };

int repo_visit_names(int fd, int (*fn)(void *ctx, int dirfd, const char *name), void *ctx)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int rc = dir ? 0 : -errno;

	if (!dir) {
		close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = fn(ctx, dirfd(dir), d->d_name);
	if (rc == 0)
		rc = -errno;
	closedir(dir);
	return rc;
}

/* Removes an entry; a directory with its content. ctx: the depth so far, limited by
 * DEPTH_MAX. unlinkat() refuses directories with EISDIR on Linux, with EPERM by POSIX. */
static int remove_name(void *ctx, int dirfd, const char *name)
{
	int *depth = ctx, fd, rc;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (*depth == DEPTH_MAX)
		return -ELOOP;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	++*depth;
	rc = repo_visit_names(fd, remove_name, depth);
	--*depth;
	if (rc == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		rc = -errno;
	return rc;
}

int cfs_repo_remove_tree(int dirfd, const char *name)
{
	int depth = 0;

	return remove_name(&depth, dirfd, name);
}
