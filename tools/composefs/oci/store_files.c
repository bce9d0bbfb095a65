/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files, links and directories of an image store. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/beneath.h"
#include "composefs/oci/store_files.h"

int store_write_file(int dirfd, const char *name, const void *p, size_t len,
		     struct cfs_err *err)
{
	struct cfs_span content = {p, len};

	return cfs_context(err, cfs_replace_write(dirfd, name, content, err), "%s", name);
}

int store_write_text(int dirfd, const char *name, const char *text, struct cfs_err *err)
{
	return store_write_file(dirfd, name, text, strlen(text), err);
}

/* Sets a symbolic link; one with another target is replaced. */
int store_set_link(int dirfd, const char *name, const char *target, struct cfs_err *err)
{
	char now[PATH_MAX], tmp[NAME_MAX];
	ssize_t len = readlinkat(dirfd, name, now, sizeof(now));

	if (len == (ssize_t)strlen(target) && memcmp(now, target, (size_t)len) == 0)
		return 0;
	snprintf(tmp, sizeof(tmp), ".%s.new", name);
	if (unlinkat(dirfd, tmp, 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(err, "%s", tmp);
	if (symlinkat(target, dirfd, tmp) < 0 || renameat(dirfd, tmp, dirfd, name) < 0)
		return cfs_fail_errno(err, "%s", name);
	return 0;
}

int store_make_dir(int dirfd, const char *path, struct cfs_err *err)
{
	int fd = cfs_beneath_make_dir(dirfd, path, 0755);

	return fd < 0 ? cfs_beneath_fail(fd, path, err) : fd;
}

int store_count_names(int dirfd, size_t *n, struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *e;

	*n = 0;
	if (!dir)
		return cfs_fail_errno(err, "cannot be listed");
	errno = 0;
	while ((e = readdir(dir)))
		*n += strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
	if (errno) {
		int rc = cfs_fail_errno(err, "cannot be listed");

		closedir(dir);
		return rc;
	}
	closedir(dir);
	return 0;
}
