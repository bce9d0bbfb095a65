/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files on their way to becoming objects: without a name where the filesystem knows
 * O_TMPFILE, under a temporary one elsewhere.
 *
 * A process that uses a temporary name holds a shared flock on the file. Only files that
 * can be locked exclusively are removed as leftovers. The names are a subset of those of
 * composefs-rs, which does not lock its files: only names of this subset are removed.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "store/store_priv.h"

static const char tmp_prefix[] = ".tmp-object-cfs";

enum {
	TMP_RANDOM_LEN = 9, /* letters and digits behind the prefix */
	TMP_TRIES = 100,
};

static int tmp_name(char out[STORE_TMP_NAME_MAX], struct cfs_err *err)
{
	static const char alnum[] = "0123456789abcdefghijklmnopqrstuvwxyz";
	uint8_t random[TMP_RANDOM_LEN];
	size_t at = sizeof(tmp_prefix) - 1;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return cfs_fail_errno(err, "getrandom");
	memcpy(out, tmp_prefix, at);
	for (size_t i = 0; i < TMP_RANDOM_LEN; i++)
		out[at++] = alnum[random[i] % (sizeof(alnum) - 1)];
	out[at] = '\0';
	return 0;
}

/* True also if the filesystem has no locks: then leftovers are not removed either. */
static bool lock_tmp(int fd)
{
	return flock(fd, LOCK_SH | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

/* -EAGAIN: another name has to be tried. A sweeper may see the file before it is
 * locked. */
static int open_named(struct cfs_store *s, struct store_object *o, struct cfs_err *err)
{
	struct stat st;
	int rc = tmp_name(o->tmp, err);

	if (rc < 0)
		return rc;
	o->fd = openat(s->dirfd, o->tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (o->fd < 0) {
		o->tmp[0] = '\0';
		return errno == EEXIST ? -EAGAIN : cfs_fail_errno(err, "temporary file");
	}
	if (lock_tmp(o->fd) && fstat(o->fd, &st) == 0 && st.st_nlink > 0)
		return 0;
	store_drop(s, o);
	return -EAGAIN;
}

static bool lacks_unnamed_files(int errnum)
{
	return errnum == EOPNOTSUPP || errnum == EISDIR || errnum == EINVAL;
}

/* Opens a temporary file in the store, without a name where the filesystem can do
 * that: then a crash leaves nothing. */
static int open_temp(struct cfs_store *s, struct store_object *o, struct cfs_err *err)
{
	int rc = -EAGAIN;

	if (!atomic_load(&s->no_tmpfile)) {
		o->fd = openat(s->dirfd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);
		if (o->fd >= 0)
			return 0;
		if (!lacks_unnamed_files(errno))
			return cfs_fail_errno(err, "temporary file");
		atomic_store(&s->no_tmpfile, true);
	}
	for (int i = 0; rc == -EAGAIN && i < TMP_TRIES; i++)
		rc = open_named(s, o, err);
	return rc == -EAGAIN ? cfs_fail(err, EEXIST, "temporary file: no free name") : rc;
}

int store_open_temp(struct cfs_store *s, struct store_object *out, struct cfs_err *err)
{
	int rc;

	*out = (struct store_object){.fd = -1};
	rc = open_temp(s, out, err);
	if (rc == 0 && fchmod(out->fd, 0644) < 0) { /* whatever the umask */
		rc = cfs_fail_errno(err, "temporary file: chmod");
		store_drop(s, out);
	}
	return cfs_context(err, rc, "object store");
}

int store_name_temp(struct cfs_store *s, struct store_object *o, struct cfs_err *err)
{
	int rc = -EEXIST;

	(void)lock_tmp(o->fd);
	for (int i = 0; rc == -EEXIST && i < TMP_TRIES; i++) {
		rc = tmp_name(o->tmp, err);
		if (rc == 0)
			rc = cfs_io_publish(o->fd, s->dirfd, o->tmp, err);
	}
	if (rc < 0)
		o->tmp[0] = '\0';
	return rc == -EEXIST ? cfs_fail(err, EEXIST, "temporary file: no free name") : rc;
}

void store_drop(struct cfs_store *s, struct store_object *o)
{
	if (o->tmp[0])
		unlinkat(s->dirfd, o->tmp, 0);
	if (o->fd >= 0)
		close(o->fd);
	*o = (struct store_object){.fd = -1};
}

/* The exclusive lock shows that no process uses the file, and keeps others from doing
 * so. */
static void sweep_one(struct cfs_store *s, const char *name)
{
	struct stat st;
	cfs_autofd int fd = -1;

	if (fstatat(s->dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return;
	fd = openat(s->dirfd, name,
		    O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(s->dirfd, name, 0);
}

void store_remove_leftovers(struct cfs_store *s)
{
	int fd = openat(s->dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((d = readdir(dir)))
		if (strncmp(d->d_name, tmp_prefix, sizeof(tmp_prefix) - 1) == 0 &&
		    strlen(d->d_name) == sizeof(tmp_prefix) - 1 + TMP_RANDOM_LEN)
			sweep_one(s, d->d_name);
	closedir(dir);
}
