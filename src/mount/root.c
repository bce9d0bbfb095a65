/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The root directory of a writable mount is the upper directory: overlayfs shows its
 * owner, mode, times and xattrs instead of those of the image. An unused upper directory
 * gets those of the image. */
#include "mount/layers.h"
#include "mount/mount_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { XATTR_MAX = 65536 }; /* bytes; the kernel's limit for a list and for a value */

/* 1, 0 or -errno. */
static int is_empty_target(int dirfd, struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 1;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir) {
		rc = cfs_fail_errno(err, "reading the directory");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (errno = 0, rc == 1 && (e = readdir(dir)))
		rc = strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0;
	if (rc == 1 && errno)
		rc = cfs_fail_errno(err, "reading the directory");
	closedir(dir);
	return rc;
}

/* Returns 1 if the directories belong to the user and were never mounted (overlayfs
 * leaves a directory in the work directory), 0 if not, or -errno. */
static int is_unused(int upper, int work, struct cfs_err *err)
{
	struct stat st;
	int rc;

	if (fstat(upper, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (st.st_uid != geteuid())
		return 0;
	rc = is_empty_target(upper, err);
	return rc == 1 ? is_empty_target(work, err) : rc;
}

/* Overlayfs interprets these itself, those of users with the option userxattr. Escaped keys
 * ("trusted.overlay.overlay.") are ordinary attributes. */
static bool is_overlay_private(const char *key, bool userxattr)
{
	struct cfs_text own =
		userxattr ? CFS_TEXT("user.overlay.") : CFS_TEXT("trusted.overlay.");
	struct cfs_text rest = cfs_text(key);

	if (!cfs_text_has_prefix(rest, own))
		return false;
	return !cfs_text_has_prefix(cfs_text(key + own.len), CFS_TEXT("overlay."));
}

static int copy_xattr(int from, int to, const char *key, char *value, struct cfs_err *err)
{
	ssize_t len = fgetxattr(from, key, value, XATTR_MAX);

	if (len < 0)
		return cfs_fail_errno(err, "xattr %s of the image's root", key);
	if (fsetxattr(to, key, value, (size_t)len, 0) < 0 && errno != EOPNOTSUPP)
		return cfs_fail_errno(err, "xattr %s", key);
	return 0;
}

/* Copies the xattrs of the image's root, except those by which overlayfs keeps its own
 * notes. */
static int copy_xattrs(int from, int to, bool userxattr, struct cfs_err *err)
{
	cfs_autofree char *keys = malloc(XATTR_MAX), *value = malloc(XATTR_MAX);
	ssize_t len = keys && value ? flistxattr(from, keys, XATTR_MAX) : 0;
	int rc = 0;

	if (!keys || !value)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (len < 0)
		return errno == EOPNOTSUPP
			       ? 0
			       : cfs_fail_errno(err, "xattrs of the image's root");
	for (const char *key = keys; rc == 0 && key < keys + len;
	     key += strlen(key) + 1) {
		if (!is_overlay_private(key, userxattr))
			rc = copy_xattr(from, to, key, value, err);
	}
	return rc;
}

/* In a user namespace, an owner that does not exist there is left out: the directory stays that of the
 * user, as everything that he creates in the mount. */
static bool is_foreign_owner(int errnum, bool userxattr)
{
	return userxattr && (errnum == EINVAL || errnum == EPERM);
}

/* Gives the upper directory the attributes of the image's root, because overlayfs
 * shows those of the upper layer. */
static int copy_attributes(int from, int to, bool userxattr, struct cfs_err *err)
{
	struct timespec times[2];
	struct stat st;
	int rc;

	if (fstat(from, &st) < 0)
		return cfs_fail_errno(err, "the image's root");
	if (fchown(to, st.st_uid, st.st_gid) < 0 && !is_foreign_owner(errno, userxattr))
		return cfs_fail_errno(err, "owner of the image's root");
	if (fchmod(to, st.st_mode & 07777) < 0)
		return cfs_fail_errno(err, "mode of the image's root");
	rc = copy_xattrs(from, to, userxattr, err);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	if (rc == 0 && futimens(to, times) < 0)
		rc = cfs_fail_errno(err, "time of the image's root");
	return rc;
}

/* Follows no link that another user could have created: it could lead to any empty
 * directory of this user. */
static int open_own_dir(const char *path, struct cfs_err *err)
{
	cfs_autofd int place = cfs_path_open_dir(path, err);
	int fd;

	if (place < 0)
		return place;
	fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "open") : fd;
}

static int copy_to_unused(int from, bool userxattr, int upper, int work,
			  struct cfs_err *err)
{
	int rc = is_unused(upper, work, err);

	return rc == 1 ? copy_attributes(from, upper, userxattr, err) : rc;
}

int cfs_mount_copy_root(int from, int upper, int work, struct cfs_err *err)
{
	return copy_to_unused(from, false, upper, work, err);
}

int cfs_mount_give_root(int image_mount, bool userxattr, const char *upperdir,
			const char *workdir, struct cfs_err *err)
{
	cfs_autofd int upper = open_own_dir(upperdir, err);
	cfs_autofd int work = upper < 0 ? upper : open_own_dir(workdir, err);
	cfs_autofd int root =
		openat(image_mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = upper < 0 ? upper : work < 0 ? work : 0;

	if (rc == 0 && root < 0)
		rc = cfs_fail_errno(err, "open the image's root");
	if (rc == 0)
		rc = copy_to_unused(root, userxattr, upper, work, err);
	return cfs_context(err, rc, "upperdir %s", upperdir);
}
