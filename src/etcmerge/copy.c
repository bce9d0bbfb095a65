/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Copies of files of the layer, and attributes. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "etcmerge/etcmerge_priv.h"

enum { COPY_BUF = 128 * 1024 };

/* --- attributes ----------------------------------------------------------------------- */

/* A new file may have got ACLs from its directory. */
static void drop_inherited(int fd)
{
	char path[ETC_PROC_FD];

	(void)removexattr(etc_fd_path(fd, path), "system.posix_acl_default");
	(void)removexattr(etc_fd_path(fd, path), "system.posix_acl_access");
}

static int set_xattr(int fd, const char *key, struct cfs_span value, struct cfs_err *err)
{
	char path[ETC_PROC_FD];

	if (setxattr(etc_fd_path(fd, path), key, value.p, value.len, 0) < 0)
		return cfs_fail_errno(err, "xattr %s", key);
	return 0;
}

/* Owner first: a change of the owner clears set-id bits and capabilities. */
static int set_owner(int fd, uid_t uid, gid_t gid, struct cfs_err *err)
{
	if (fchownat(fd, "", uid, gid, AT_EMPTY_PATH) < 0)
		return cfs_fail_errno(err, "owner %u:%u", uid, gid);
	drop_inherited(fd);
	return 0;
}

static int set_mode_and_time(int fd, mode_t mode, const struct timespec *mtime,
			     struct cfs_err *err)
{
	const struct timespec times[2] = {*mtime, *mtime};
	char path[ETC_PROC_FD];

	if (!S_ISLNK(mode) && chmod(etc_fd_path(fd, path), mode & 07777) < 0)
		return cfs_fail_errno(err, "mode");
	if (utimensat(AT_FDCWD, etc_fd_path(fd, path), times, 0) < 0)
		return cfs_fail_errno(err, "time");
	return 0;
}

int etc_copy_attributes(const struct etc_file *file, int fd, struct cfs_err *err)
{
	int rc = set_owner(fd, file->st.st_uid, file->st.st_gid, err);

	for (const char *key = file->xattrs;
	     rc == 0 && key < file->xattrs + file->xattrs_len; key += strlen(key) + 1) {
		cfs_autofree uint8_t *value = NULL;
		size_t len = 0;

		rc = etc_read_xattr(file->fd, key, &value, &len, err);
		if (rc == 0)
			rc = set_xattr(fd, key, (struct cfs_span){value, len}, err);
	}
	if (rc == 0 && file->is_opaque)
		rc = set_xattr(fd, "trusted.overlay.opaque", cfs_text_span(CFS_TEXT("y")),
			       err);
	if (rc < 0)
		return rc;
	return set_mode_and_time(fd, file->st.st_mode, &file->st.st_mtim, err);
}

int etc_give_attributes(const struct etc_side *side, int fd, struct cfs_err *err)
{
	struct cfs_spec_room room = {0};
	struct cfs_inode_spec spec;
	struct timespec mtime;
	int rc = cfs_image_read_mounted_spec(side->im, &side->inode, &room, &spec, err);

	if (rc == 0)
		rc = set_owner(fd, spec.uid, spec.gid, err);
	for (size_t i = 0; rc == 0 && i < spec.n_xattrs; i++) {
		const struct cfs_xattr *x = &spec.xattrs[i];
		char key[XATTR_NAME_MAX + 1];

		snprintf(key, sizeof(key), "%.*s", (int)x->key.len, x->key.s);
		rc = set_xattr(fd, key, x->value, err);
	}
	if (rc == 0) {
		mtime = (struct timespec){.tv_sec = spec.mtime_sec,
					  .tv_nsec = spec.mtime_nsec};
		rc = set_mode_and_time(fd, spec.mode, &mtime, err);
	}
	cfs_spec_room_fini(&room);
	return rc;
}

/* --- contents ------------------------------------------------------------------------- */

/* Copies the content of a file, which may be large and is copied while the system
 * runs. */
static int copy_bytes(int from, int to, const struct cfs_watch *watch,
		      struct cfs_err *err)
{
	cfs_autofree uint8_t *buf = malloc(COPY_BUF);

	if (!buf)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (;;) {
		ssize_t n = cfs_io_read_watched(from, buf, COPY_BUF, watch, err);
		int rc;

		if (n <= 0)
			return (int)n;
		rc = cfs_io_write(to, buf, (size_t)n, err);
		if (rc == 0)
			rc = cfs_watch_poll(watch, err);
		if (rc < 0)
			return rc;
	}
}

/* Copies a file with its attributes. It is created without permissions for others,
 * which come last. */
static int copy_regular(const struct etc_file *file, int to, const char *name,
			const struct cfs_watch *watch, struct cfs_err *err)
{
	cfs_autofd int in = etc_open_content(file, err);
	cfs_autofd int fd = -1;
	int rc;

	if (in < 0)
		return in;
	fd = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return cfs_fail_errno(err, "create");
	rc = copy_bytes(in, fd, watch, err);
	return rc < 0 ? rc : etc_copy_attributes(file, fd, err);
}

/* Copies a node that is no regular file and no directory. Its owner and mode are set
 * by the caller. */
static int make_other(const struct etc_file *file, int to, const char *name,
		      struct cfs_err *err)
{
	char target[PATH_MAX];
	ssize_t n;

	if (!S_ISLNK(file->st.st_mode)) {
		if (mknodat(to, name, (file->st.st_mode & S_IFMT) | 0600,
			    file->st.st_rdev) < 0)
			return cfs_fail_errno(err, "create");
		return 0;
	}
	n = readlinkat(file->fd, "", target, sizeof(target) - 1);
	if (n < 0)
		return cfs_fail_errno(err, "readlink");
	target[n] = '\0';
	return symlinkat(target, to, name) < 0 ? cfs_fail_errno(err, "create") : 0;
}

int etc_copy_file(const struct etc_file *file, int to, const char *name,
		  const struct cfs_watch *watch, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	int rc;

	if (S_ISREG(file->st.st_mode))
		return copy_regular(file, to, name, watch, err);
	rc = make_other(file, to, name, err);
	if (rc < 0)
		return rc;
	fd = openat(to, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return cfs_fail_errno(err, "open");
	return etc_copy_attributes(file, fd, err);
}
