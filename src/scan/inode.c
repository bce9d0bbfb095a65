/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What lies with a name and is not content: stat, symlink target, xattrs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "scan/scan_priv.h"

void cfs_scan_stat(struct scan_entry *e, const struct stat *st)
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

/* The size of a directory and a symlink means nothing to us; e->size of a symlink may be
 * the length that was read. */
int cfs_scan_unchanged(const struct scan_entry *e, const struct stat *st,
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

/* A name that the directory listed a moment ago and that is gone is a change. */
static int fail_look(const char *what, struct cfs_err *err)
{
	if (errno == ENOENT)
		return cfs_fail(err, ESTALE, "vanished while it was read");
	return cfs_fail_errno(err, "%s", what);
}

static int lstat_at(int dirfd, const char *name, struct stat *st, struct cfs_err *err)
{
	if (fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0)
		return 0;
	return fail_look("stat", err);
}

static int read_target(struct scan_worker *w, int dirfd, struct scan_entry *e,
		       struct cfs_err *err)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(dirfd, e->name, target, sizeof(target));

	if (n < 0)
		return fail_look("read symlink", err);
	if (n == sizeof(target))
		return cfs_fail(err, ENAMETOOLONG,
				"symlink target: want at most %d bytes",
				(int)CFS_PAYLOAD_MAX);
	e->size = (uint64_t)n;
	e->data = cfs_arena_copy(&w->arena, target, (size_t)n);
	return e->data ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* Packs key and value behind at in w->xattr: both lengths, then both texts. Returns the new
 * end. */
static ssize_t pack_xattr(struct scan_worker *w, const char *path, const char *key,
			  size_t at, struct cfs_err *err)
{
	uint32_t len[2] = {(uint32_t)strlen(key)};
	uint8_t *value = w->xattr + at + sizeof(len) + len[0];
	ssize_t n = lgetxattr(path, key, value, SCAN_VALUE_MAX);

	if (n < 0 && errno == ENODATA)
		return cfs_fail(err, ESTALE, "xattr %s: changed while it was read", key);
	if (n < 0)
		return cfs_fail_errno(err, "xattr %s", key);
	len[1] = (uint32_t)n;
	memcpy(w->xattr + at, len, sizeof(len));
	memcpy(w->xattr + at + sizeof(len), key, len[0]);
	return value + n - w->xattr;
}

/* Packs what is wanted of the keys. Stops beyond the budget of an inode (12, and 7 for each
 * besides key and value): the builder refuses what is there by then. */
static ssize_t pack_xattrs(const struct scan *s, struct scan_worker *w, const char *path,
			   const char *keys, size_t keys_len, uint32_t *count,
			   struct cfs_err *err)
{
	size_t at = 0;

	*count = 0;
	for (size_t i = 0; i < keys_len; i += strlen(keys + i) + 1) {
		ssize_t end;

		if (s->opts->user_xattrs && strncmp(keys + i, "user.", 5) != 0)
			continue;
		end = pack_xattr(w, path, keys + i, at, err);
		if (end < 0)
			return end;
		at = (size_t)end;
		++*count;
		if (12 + at - *count > CFS_XATTR_BUDGET)
			break;
	}
	return (ssize_t)at;
}

/* Files of one package carry the same xattrs more often than not: what equals the set before it
 * is not stored again. */
static int keep_xattrs(struct scan_worker *w, size_t len, uint32_t count,
		       struct scan_entry *e, struct cfs_err *err)
{
	struct cfs_xattr *list;
	const uint8_t *p;

	e->n_xattrs = count;
	if (len == w->last_len && memcmp(w->last, w->xattr, len) == 0) {
		e->xattrs = w->last_xattrs;
		return 0;
	}
	p = cfs_arena_copy(&w->arena, w->xattr, len);
	list = cfs_arena_alloc(&w->arena, count * sizeof(*list),
			       _Alignof(struct cfs_xattr));
	if (!p || !list)
		return cfs_fail(err, ENOMEM, "out of memory");
	w->last = p;
	w->last_len = len;
	w->last_xattrs = e->xattrs = list;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t n[2];

		memcpy(n, p, sizeof(n));
		p += sizeof(n);
		list[i].key = (struct cfs_text){(const char *)p, n[0]};
		list[i].value = (struct cfs_span){p + n[0], n[1]};
		p += n[0] + n[1];
	}
	return 0;
}

/* By way of the descriptor's entry in /proc: that serves symlinks and devices, which cannot be
 * opened for this, and files that may not be read, without trusting the path above them. */
static int read_xattrs(struct scan *s, struct scan_worker *w, int dirfd,
		       struct scan_entry *e, struct cfs_err *err)
{
	char path[32 + NAME_MAX];
	uint32_t count;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, e->name);
	n = llistxattr(path, w->keys, SCAN_NAMES_LEN);
	if (n < 0 && errno == EOPNOTSUPP)
		return 0;
	if (n < 0 && errno == ENOENT && access("/proc/self/fd", F_OK) < 0)
		return cfs_fail_errno(err, "list xattrs by way of /proc");
	if (n < 0)
		return fail_look("list xattrs", err);
	if (n == 0)
		return 0;
	n = pack_xattrs(s, w, path, w->keys, (size_t)n, &count, err);
	if (n <= 0)
		return (int)n;
	return keep_xattrs(w, (size_t)n, count, e, err);
}

static bool is_left_out(const struct scan *s, mode_t mode)
{
	return s->opts->skip_devices && (S_ISBLK(mode) || S_ISCHR(mode));
}

/* Directories and files with content are opened later and compared then. */
static bool is_compared_later(const struct scan_entry *e)
{
	return S_ISDIR(e->mode) || (S_ISREG(e->mode) && e->size > 0);
}

int cfs_scan_inode(struct scan *s, struct scan_worker *w, int dirfd, struct scan_entry *e,
		   struct cfs_err *err)
{
	struct stat st;
	int rc = lstat_at(dirfd, e->name, &st, err);

	if (rc < 0)
		return rc;
	if (is_left_out(s, st.st_mode))
		return 1;
	cfs_scan_stat(e, &st);
	if (S_ISLNK(e->mode))
		rc = read_target(w, dirfd, e, err);
	if (rc == 0 && !s->opts->skip_xattrs)
		rc = read_xattrs(s, w, dirfd, e, err);
	if (rc < 0 || is_compared_later(e) || (!e->data && !e->n_xattrs))
		return rc;
	rc = lstat_at(dirfd, e->name, &st, err);
	return rc < 0 ? rc : cfs_scan_unchanged(e, &st, err);
}
