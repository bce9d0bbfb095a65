/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Replace a file atomically. If the filesystem supports O_TMPFILE, the new file has no
 * name until it is complete, so that a killed process leaves nothing behind.
 */
#include "base/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/path.h"

enum { TMP_TRIES = 100 };

static bool is_number(const char *text, char end)
{
	size_t len = strspn(text, "0123456789");

	return len && text[len] == end;
}

/* Returns true for paths like /dev/fd/N: the caller wants to write to that descriptor,
 * not to replace the file behind it. Other paths through /proc (PID/root, PID/cwd) lead
 * to directories. */
static bool names_descriptor(const char *path)
{
	static const char *const prefixes[] = {"/dev/fd/", "/proc/self/fd/",
					       "/proc/thread-self/fd/"};
	static const char proc[] = "/proc/", std[] = "/dev/std";

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(path, prefixes[i], strlen(prefixes[i])) == 0)
			return is_number(path + strlen(prefixes[i]), '\0');
	if (strncmp(path, proc, strlen(proc)) == 0 &&
	    is_number(path + strlen(proc), '/')) {
		path += strlen(proc);
		path += strcspn(path, "/");
		return strncmp(path, "/fd/", 4) == 0 && is_number(path + 4, '\0');
	}
	return strncmp(path, std, strlen(std)) == 0;
}

static int open_in_place(const char *path, struct cfs_replace *r, struct cfs_err *err)
{
	r->fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0666);
	return r->fd < 0 ? cfs_fail_errno(err, "open") : 0;
}

/* Stores a temporary name in r->tmp. The first name is always the same, so that the next
 * process finds and removes the file of a killed one. If that name is in use, a random
 * one is taken. */
static int make_tmp_name(struct cfs_replace *r, int attempt, struct cfs_err *err)
{
	uint32_t random;
	int n;

	free(cfs_steal(&r->tmp));
	if (attempt < 2) {
		/* Shortened, so that it fits into NAME_MAX for any name. */
		n = asprintf(&r->tmp, ".%.200s.cfs-tmp", r->name);
	} else {
		if (getrandom(&random, sizeof(random), 0) != sizeof(random))
			return cfs_fail_errno(err, "getrandom");
		n = asprintf(&r->tmp, ".cfs-%08x.tmp", random);
	}
	if (n < 0) {
		r->tmp = NULL;
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	return 0;
}

static bool is_own_file(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid();
}

/* Removes a temporary file that a killed process left behind: it is ours and not locked.
 * A running process holds a lock on its file. */
static void remove_stale_tmp(const struct cfs_replace *r)
{
	const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	struct stat st;
	cfs_autofd int fd = fstatat(r->dirfd, r->tmp, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
					    is_own_file(&st)
				    ? openat(r->dirfd, r->tmp, flags)
				    : -1;

	if (fd >= 0 && fstat(fd, &st) == 0 && is_own_file(&st) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(r->dirfd, r->tmp, 0);
}

/* Tries temporary names until take() accepts one. take() returns -EEXIST if the name
 * exists. */
static int take_tmp_name(struct cfs_replace *r,
			 int (*take)(struct cfs_replace *r, struct cfs_err *err),
			 struct cfs_err *err)
{
	for (int i = 0; i < TMP_TRIES; i++) {
		int rc = make_tmp_name(r, i, err);

		if (rc == 0)
			rc = take(r, err);
		if (rc == 0)
			return 0;
		if (rc == -EEXIST)
			remove_stale_tmp(r);
		free(cfs_steal(&r->tmp));
		if (rc != -EEXIST)
			return rc;
	}
	return cfs_fail(err, EEXIST, "temporary file: no free name");
}

static int create_tmp(struct cfs_replace *r, struct cfs_err *err)
{
	r->fd = openat(r->dirfd, r->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		       r->mode);
	if (r->fd >= 0)
		return 0;
	return errno == EEXIST ? -EEXIST : cfs_fail_errno(err, "temporary file");
}

static int link_tmp(struct cfs_replace *r, struct cfs_err *err)
{
	return cfs_io_publish(r->fd, r->dirfd, r->tmp, err);
}

static bool lacks_tmpfile_at(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EISDIR || errnum == ENOENT ||
	       errnum == EINVAL;
}

/* Opens the file that will replace the old one: without a name where the filesystem
 * can do that, so that a crash leaves nothing. */
static int open_tmp(struct cfs_replace *r, struct cfs_err *err)
{
	r->fd = openat(r->dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, r->mode);
	if (r->fd < 0 && !lacks_tmpfile_at(errno))
		return cfs_fail_errno(err, "temporary file");
	if (r->fd < 0) {
		int rc = take_tmp_name(r, create_tmp, err);

		if (rc < 0)
			return rc;
	}
	/* For remove_stale_tmp(). On a filesystem without locks, stale files stay. */
	(void)flock(r->fd, LOCK_EX | LOCK_NB);
	return 0;
}

/* Opens a device or a FIFO, unless another user can have created it: such a FIFO would
 * receive the bytes, or block us forever. */
static int open_special(struct cfs_replace *r, const struct stat *st, struct cfs_err *err)
{
	struct stat dir, now;

	if (fstat(r->dirfd, &dir) < 0)
		return cfs_fail_errno(err, "stat");
	if (!cfs_path_is_own(&dir, st))
		return cfs_fail(err, EPERM,
				"not a regular file: not written to, because another "
				"user could have put it there");
	r->fd = openat(r->dirfd, r->name, O_WRONLY | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC);
	if (r->fd < 0 || fstat(r->fd, &now) < 0)
		return cfs_fail_errno(err, "open");
	if (now.st_dev != st->st_dev || now.st_ino != st->st_ino)
		return cfs_fail(err, ESTALE,
				"file was replaced while it was opened; try again");
	close(cfs_steal_fd(&r->dirfd));
	return 0;
}

/* Keeps the mode of an existing file only if we own it and it has one name. A file with
 * more names may have been linked here by another user. Set-id bits are never kept. */
static int open_in_directory(struct cfs_replace *r, struct cfs_err *err)
{
	struct stat st;

	r->mode = 0666;
	if (fstatat(r->dirfd, r->name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		if (errno != ENOENT)
			return cfs_fail_errno(err, "stat");
		return open_tmp(r, err);
	}
	if (S_ISDIR(st.st_mode))
		return cfs_fail(err, EISDIR, "expected a file, got a directory");
	if (S_ISLNK(st.st_mode))
		return cfs_fail(err, ELOOP, "symbolic link: not followed");
	if (!S_ISREG(st.st_mode))
		return open_special(r, &st, err);
	r->existed = true;
	r->keeps_mode = is_own_file(&st) && st.st_nlink == 1;
	if (r->keeps_mode)
		r->mode = st.st_mode & 0777;
	return open_tmp(r, err);
}

static int open_at(int dirfd, struct cfs_replace *r, struct cfs_err *err)
{
	int rc;

	r->dirfd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	rc = r->dirfd < 0 ? cfs_fail_errno(err, "open directory")
			  : open_in_directory(r, err);
	if (rc < 0)
		cfs_replace_abort(r);
	return rc;
}

int cfs_replace_open_at(int dirfd, const char *name, struct cfs_replace *out,
			struct cfs_err *err)
{
	*out = (struct cfs_replace){.fd = -1, .dirfd = -1, .name = strdup(name)};
	return out->name ? open_at(dirfd, out, err)
			 : cfs_fail(err, ENOMEM, "out of memory");
}

int cfs_replace_open(const char *path, struct cfs_replace *out, struct cfs_err *err)
{
	cfs_autofd int dirfd = -1;

	*out = (struct cfs_replace){.fd = -1, .dirfd = -1};
	if (names_descriptor(path))
		return open_in_place(path, out, err);
	dirfd = cfs_path_open_parent(path, &out->name, err);
	return dirfd < 0 ? dirfd : open_at(dirfd, out, err);
}

/* Gives the file its name, and replaces an existing file. An O_TMPFILE file can be
 * linked to a free name only; otherwise it is linked to a temporary name, which is
 * then renamed. */
static int publish_replace(struct cfs_replace *r, struct cfs_err *err)
{
	int rc = -EEXIST;

	if (!r->tmp && !r->existed) {
		rc = cfs_io_publish(r->fd, r->dirfd, r->name, err);
		if (rc != -EEXIST)
			return rc;
	}
	if (!r->tmp) {
		rc = take_tmp_name(r, link_tmp, err);
		if (rc < 0)
			return rc;
	}
	if (renameat(r->dirfd, r->tmp, r->dirfd, r->name) < 0)
		return cfs_fail_errno(err, "rename");
	free(cfs_steal(&r->tmp));
	return 0;
}

/* Gives the file its name, which must not exist. Some filesystems have no hard links
 * (exFAT), others no RENAME_NOREPLACE (NFS). On those, the last method leaves a short
 * time in which another process can create the file. */
static int publish_new(struct cfs_replace *r, struct cfs_err *err)
{
	struct stat st;

	if (!r->tmp)
		return cfs_io_publish(r->fd, r->dirfd, r->name, err);
	if (linkat(r->dirfd, r->tmp, r->dirfd, r->name, 0) == 0) {
		unlinkat(r->dirfd, r->tmp, 0);
		free(cfs_steal(&r->tmp));
		return 0;
	}
	if (errno == EEXIST)
		return -EEXIST;
	if (syscall(SYS_renameat2, r->dirfd, r->tmp, r->dirfd, r->name,
		    RENAME_NOREPLACE) < 0) { /* musl has no renameat2 */
		if (errno == EEXIST)
			return -EEXIST;
		if (errno != EINVAL && errno != ENOSYS)
			return cfs_fail_errno(err, "rename");
		if (fstatat(r->dirfd, r->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
			return -EEXIST;
		if (errno != ENOENT)
			return cfs_fail_errno(err, "stat");
		if (renameat(r->dirfd, r->tmp, r->dirfd, r->name) < 0)
			return cfs_fail_errno(err, "rename");
	}
	free(cfs_steal(&r->tmp));
	return 0;
}

/* Content first, then the name, then the directory, each synced: after a crash the file
 * is the old one or the new one. publish gives the name. Ends r in any case. */
static int commit_with(struct cfs_replace *r,
		       int (*publish)(struct cfs_replace *r, struct cfs_err *err),
		       struct cfs_err *err)
{
	int rc = 0;

	if (r->dirfd < 0) {
		rc = close(cfs_steal_fd(&r->fd)) < 0 ? cfs_fail_errno(err, "close") : 0;
		cfs_replace_abort(r);
		return rc;
	}
	if (r->keeps_mode && fchmod(r->fd, r->mode) < 0)
		rc = cfs_fail_errno(err, "chmod");
	if (rc == 0 && fsync(r->fd) < 0)
		rc = cfs_fail_errno(err, "fsync");
	if (rc == 0)
		rc = publish(r, err);
	if (rc == 0 && fsync(r->dirfd) < 0)
		rc = cfs_fail_errno(err, "fsync of the directory");
	cfs_replace_abort(r);
	return rc;
}

int cfs_replace_commit(struct cfs_replace *r, struct cfs_err *err)
{
	return commit_with(r, publish_replace, err);
}

int cfs_replace_commit_new(struct cfs_replace *r, struct cfs_err *err)
{
	return commit_with(r, publish_new, err);
}

void cfs_replace_abort(struct cfs_replace *r)
{
	if (r->tmp)
		unlinkat(r->dirfd, r->tmp, 0);
	if (r->fd >= 0)
		close(r->fd);
	if (r->dirfd >= 0)
		close(r->dirfd);
	free(r->name);
	free(r->tmp);
	*r = (struct cfs_replace){.fd = -1, .dirfd = -1};
}

int cfs_replace_write(int dirfd, const char *name, struct cfs_span content,
		      struct cfs_err *err)
{
	struct cfs_replace r;
	int rc = cfs_replace_open_at(dirfd, name, &r, err);

	if (rc < 0)
		return rc;
	rc = cfs_io_write(r.fd, content.p, content.len, err);
	if (rc == 0)
		return cfs_replace_commit(&r, err);
	cfs_replace_abort(&r);
	return rc;
}
