/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reads the metadata of a name: stat, symlink target, and xattrs (xattr.c). */
#include <errno.h>
#include <fcntl.h>

#include "scan/scan_priv.h"

void cfs_scan_set_stat(struct scan_entry *e, const struct stat *st)
{
	e->dev = st->st_dev;
	e->ino = st->st_ino;
	e->size = (uint64_t)st->st_size;
	e->mtime_sec = st->st_mtim.tv_sec;
	e->mtime_nsec = (uint32_t)st->st_mtim.tv_nsec;
	e->ctime_sec = st->st_ctim.tv_sec;
	e->ctime_nsec = (uint32_t)st->st_ctim.tv_nsec;
	e->mode = st->st_mode;
	e->uid = st->st_uid;
	e->gid = st->st_gid;
	e->rdev = (uint32_t)st->st_rdev;
	e->nlink = (uint32_t)st->st_nlink;
	e->index = SCAN_NONE;
}

void cfs_scan_get_stat(const struct scan_entry *e, struct stat *out)
{
	*out = (struct stat){
		.st_dev = e->dev,
		.st_ino = e->ino,
		.st_mode = e->mode,
		.st_size = (off_t)e->size,
		.st_mtim = {.tv_sec = e->mtime_sec, .tv_nsec = e->mtime_nsec},
		.st_ctim = {.tv_sec = e->ctime_sec, .tv_nsec = e->ctime_nsec},
	};
}

/* The sizes of directories and symlinks are ignored. For a symlink, e->size may be the
 * length that was read. */
int cfs_scan_check_stat(const struct scan_entry *e, const struct stat *st,
			struct cfs_err *err)
{
	bool same = e->dev == st->st_dev && e->ino == st->st_ino &&
		    e->mode == st->st_mode && e->mtime_sec == st->st_mtim.tv_sec &&
		    e->mtime_nsec == (uint32_t)st->st_mtim.tv_nsec &&
		    e->ctime_sec == st->st_ctim.tv_sec &&
		    e->ctime_nsec == (uint32_t)st->st_ctim.tv_nsec;

	if (S_ISREG(e->mode))
		same = same && e->size == (uint64_t)st->st_size;
	return same ? 0 : cfs_fail(err, ESTALE, "changed while it was read");
}

static int lstat_at(int dirfd, const char *name, struct stat *st, struct cfs_err *err)
{
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		return 0;
	return cfs_scan_fail_name("stat", err);
}

int cfs_scan_check_name(int dirfd, const struct scan_entry *e, struct cfs_err *err)
{
	struct stat st;
	int rc = lstat_at(dirfd, e->name, &st, err);

	return rc < 0 ? rc : cfs_scan_check_stat(e, &st, err);
}

/* Reads the target of a symlink. One of PATH_MAX bytes was cut, so it is refused. */
static int read_target(struct scan_worker *w, int dirfd, struct scan_entry *e,
		       struct cfs_err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, e->name, target, sizeof(target));

	if (n < 0)
		return cfs_scan_fail_name("read symlink", err);
	if (n == sizeof(target))
		return cfs_fail(err, ENAMETOOLONG,
				"symlink target: expected at most %d bytes",
				(int)CFS_PAYLOAD_MAX);
	e->size = (uint64_t)n;
	e->data = cfs_arena_copy(&w->arena, target, (size_t)n);
	return e->data ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

static bool is_skipped_device(const struct scan *s, mode_t mode)
{
	return s->opts->skip_devices && (S_ISBLK(mode) || S_ISCHR(mode));
}

/* Directories and files with content are opened later, and compared then. */
static bool is_compared_later(const struct scan_entry *e)
{
	return S_ISDIR(e->mode) || (S_ISREG(e->mode) && e->size > 0);
}

int cfs_scan_read_inode(struct scan *s, struct scan_worker *w, int dirfd,
			struct scan_entry *e, struct cfs_err *err)
{
	struct stat st;
	int rc = lstat_at(dirfd, e->name, &st, err);

	if (rc < 0)
		return rc;
	if (is_skipped_device(s, st.st_mode))
		return 1;
	cfs_scan_set_stat(e, &st);
	rc = cfs_scan_exclude_inode(s, dirfd, e, err);
	if (rc < 0 || (e->left && !S_ISDIR(e->mode)))
		return rc;
	if (S_ISLNK(e->mode))
		rc = read_target(w, dirfd, e, err);
	if (rc == 0 && !s->opts->skip_xattrs)
		rc = cfs_scan_read_xattrs(s, w, dirfd, e, err);
	if (rc < 0)
		return rc;
	if (is_compared_later(e) || (rc == 0 && !e->data && !e->n_xattrs))
		return 0;
	return cfs_scan_check_name(dirfd, e, err);
}
