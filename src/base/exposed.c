/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether other users can read the objects of a store or repository. Objects have mode 0644 whatever mode the file has in an image:
 * the directories above protect them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/base.h"
#include "base/path.h"

int cfs_path_is_exposed(int dirfd, const char *below, unsigned *mode, struct cfs_err *err)
{
	struct stat top, st;

	if (fstat(dirfd, &top) < 0)
		return cfs_fail_errno(err, "stat");
	if (fstatat(dirfd, below, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? -ENOENT : cfs_fail_errno(err, "%s", below);
	if (!S_ISDIR(st.st_mode))
		return cfs_fail(err, ENOTDIR, "%s: %s", below, strerror(ENOTDIR));
	if (mode)
		*mode = top.st_mode & 07777;
	/* Only search permission counts: a user who knows a digest need not list the
	 * directory. */
	return (top.st_mode & st.st_mode & (S_IXGRP | S_IXOTH)) != 0;
}

/* --- a bare store ------------------------------------------------------------------- */

/* What remains of the digest of an object behind its first byte. */
static bool is_object_name(const char *name)
{
	size_t len = strlen(name);

	return (len == 62 || len == 126) && strspn(name, "0123456789abcdef") == len;
}

/* Takes over fd. Whether the directory has an object. */
static int has_object(int fd, const char *name, struct cfs_err *err)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int found = 0;

	if (!dir) {
		int rc = cfs_fail_errno(err, "%s", name);

		close(fd);
		return rc;
	}
	while (!found && (errno = 0, d = readdir(dir)))
		found = is_object_name(d->d_name);
	if (!found && errno)
		found = cfs_fail_errno(err, "%s", name);
	closedir(dir);
	return found;
}

/* -ENOENT: name is no directory of objects. */
static int is_prefix_exposed(int dirfd, const char *name, unsigned *mode,
			     struct cfs_err *err)
{
	int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), rc;

	if (fd < 0 && errno == EACCES)
		return cfs_path_is_exposed(dirfd, name, mode, err);
	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == ELOOP
			       ? -ENOENT
			       : cfs_fail_errno(err, "%s", name);
	rc = has_object(fd, name, err);
	if (rc == 0)
		return -ENOENT;
	return rc < 0 ? rc : cfs_path_is_exposed(dirfd, name, mode, err);
}

int cfs_path_is_store_exposed(int dirfd, unsigned *mode, struct cfs_err *err)
{
	struct stat top, above;
	bool any = false;
	char name[3];

	if (fstat(dirfd, &top) < 0 || fstatat(dirfd, "..", &above, 0) < 0)
		return cfs_fail_errno(err, "stat");
	for (unsigned i = 0; i < 256; i++) {
		int rc;

		snprintf(name, sizeof(name), "%02x", i);
		rc = is_prefix_exposed(dirfd, name, mode, err);
		if (rc > 0 && (top.st_mode & above.st_mode & (S_IXGRP | S_IXOTH)))
			return 1;
		if (rc < 0 && rc != -ENOENT)
			return rc;
		any = any || rc >= 0;
	}
	return any ? 0 : -ENOENT;
}
