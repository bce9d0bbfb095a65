/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lock a file that other processes replace by rename. A process that has waited for the
 * lock may then hold the old file. So the locked inode is compared with the one at the
 * path, and if they differ, everything starts again. */
#include "base/update.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>

#include "base/input.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/replace.h"

enum {
	TRIES_MAX = 100000
}; /* each try means that another process has replaced the file */

/* Returns 1 if the locked file is still the one at the path. */
static int is_current(struct cfs_update *u, struct cfs_err *err)
{
	struct stat now;

	if (fstatat(u->dir, u->name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "stat");
	if (fstat(u->fd, &u->st) < 0)
		return cfs_fail_errno(err, "stat");
	if (now.st_dev != u->st.st_dev || now.st_ino != u->st.st_ino)
		return 0;
	if (u->st.st_nlink == 0)
		return cfs_fail(err, ESTALE,
				"file has been deleted and exists only as a mount");
	return 1;
}

/* Locks the directory of a file that does not exist. Returns 0 if the file exists by
 * now. */
static int lock_directory(struct cfs_update *u, const struct cfs_lock_wait *wait,
			  struct cfs_err *err)
{
	struct stat st;
	int rc;

	u->lock = openat(u->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (u->lock < 0)
		return cfs_fail_errno(err, "open the directory");
	rc = cfs_context(err, cfs_lock_take(u->lock, LOCK_EX, wait, err),
			 "its directory");
	if (rc < 0)
		return rc;
	if (fstatat(u->lock, u->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 1 : cfs_fail_errno(err, "stat");
	close(cfs_steal_fd(&u->lock));
	return 0;
}

/* A path that cannot be examined counts as no dangling link: the caller opens it, and
 * reports the error. */
static bool is_dangling_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) < 0 &&
	       errno == ENOENT;
}

/* Opens the directory of the file. From here on, the file is one name in this
 * directory. */
static int open_update_dir(struct cfs_update *u, const char *path, struct cfs_err *err)
{
	if (u->dir >= 0)
		close(cfs_steal_fd(&u->dir));
	free(cfs_steal(&u->name));
	if (is_dangling_link(path))
		return cfs_fail(err, ENOLINK,
				"expected a file, got a dangling symbolic link");
	u->dir = cfs_path_open_parent(path, &u->name, err);
	return u->dir < 0 ? u->dir : 0;
}

/* Opens the file again for writing, which NFS requires for an exclusive lock. Returns 1,
 * or 0 if the file has been replaced meanwhile. */
static int reopen_for_writing(struct cfs_update *u, struct cfs_err *err)
{
	const int flags = O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	cfs_autofd int fd = openat(u->dir, u->name, flags);
	struct stat now;

	if (fd < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "open for writing");
	if (fstat(fd, &now) < 0 || fstat(u->fd, &u->st) < 0)
		return cfs_fail_errno(err, "stat");
	if (now.st_dev != u->st.st_dev || now.st_ino != u->st.st_ino)
		return 0;
	close(u->fd);
	u->fd = cfs_steal_fd(&fd);
	return 1;
}

/* Locks the file. Returns 1, or 0 if it has been replaced meanwhile. */
static int lock_existing(struct cfs_update *u, const struct cfs_lock_wait *wait,
			 struct cfs_err *err)
{
	int rc = cfs_lock_take(u->fd, LOCK_EX, wait, err), reopened;

	if (rc == -EBADF) {
		reopened = reopen_for_writing(u, err);
		if (reopened <= 0)
			return reopened;
		rc = cfs_lock_take(u->fd, LOCK_EX, wait, err);
	}
	return rc < 0 ? rc : is_current(u, err);
}

/* Returns 1 if the file or its directory is locked, 0 if the file has been replaced
 * meanwhile. */
static int open_and_lock_file(struct cfs_update *u, const char *path,
			      const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	int rc = open_update_dir(u, path, err);

	if (rc < 0)
		return rc;
	u->fd = cfs_input_open(u->dir, u->name, CFS_INPUT_NOFOLLOW, err);
	if (u->fd == -ENOENT) {
		u->fd = -1;
		return lock_directory(u, wait, err);
	}
	if (u->fd < 0)
		return u->fd;
	rc = lock_existing(u, wait, err);
	if (rc == 0)
		close(cfs_steal_fd(&u->fd));
	return rc;
}

int cfs_update_begin(const char *path, const struct cfs_lock_wait *wait,
		     struct cfs_update *out, struct cfs_err *err)
{
	int rc = 0;

	*out = (struct cfs_update){.dir = -1, .fd = -1, .lock = -1};
	for (int i = 0; rc == 0 && i < TRIES_MAX; i++)
		rc = open_and_lock_file(out, path, wait, err);
	if (rc == 0)
		rc = cfs_fail(err, EBUSY, "other processes keep replacing the file");
	if (rc < 0)
		cfs_update_end(out);
	return rc < 0 ? rc : 0;
}

int cfs_update_commit(struct cfs_update *u, const void *p, size_t len,
		      struct cfs_err *err)
{
	struct cfs_replace r;
	int rc = cfs_replace_open_at(u->dir, u->name, &r, err);

	if (rc == 0)
		rc = cfs_io_write(r.fd, p, len, err);
	if (rc == 0)
		rc = cfs_replace_commit(&r, err);
	else
		cfs_replace_abort(&r);
	cfs_update_end(u);
	return rc;
}

void cfs_update_end(struct cfs_update *u)
{
	if (u->dir >= 0)
		close(u->dir);
	if (u->fd >= 0)
		close(u->fd);
	if (u->lock >= 0)
		close(u->lock);
	free(u->name);
	*u = (struct cfs_update){.dir = -1, .fd = -1, .lock = -1};
}
