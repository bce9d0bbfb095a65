/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Owner, xattrs, mode and time of a new file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "extract/extract_priv.h"

enum { PROC_FD = 32 };

/* A path to the file itself, also if it is a symbolic link or fd is O_PATH. */
static const char *format_fd_path(int fd, char out[PROC_FD])
{
	snprintf(out, PROC_FD, "/proc/self/fd/%d", fd);
	return out;
}

void extract_drop_acl(int fd)
{
	char path[PROC_FD];

	(void)removexattr(format_fd_path(fd, path), "system.posix_acl_default");
	(void)removexattr(format_fd_path(fd, path), "system.posix_acl_access");
}

static int set_owner(struct extract *e, int fd, const struct cfs_inode_spec *spec,
		     struct cfs_err *err)
{
	if (!e->x->as_root) {
		e->report->owners += spec->uid != geteuid() || spec->gid != getegid();
		return 0;
	}
	if (fchownat(fd, "", spec->uid, spec->gid, AT_EMPTY_PATH) < 0)
		return cfs_fail_errno(err, "owner %u:%u", spec->uid, spec->gid);
	return 0;
}

/* An unprivileged user may set user.* xattrs and ACLs of own files only. */
static bool may_set(const struct extract *e, struct cfs_text key)
{
	return e->x->as_root || cfs_text_has_prefix(key, CFS_TEXT("user.")) ||
	       cfs_text_has_prefix(key, CFS_TEXT("system."));
}

/* Continues if the filesystem cannot store an xattr. */
static int set_xattr(struct extract *e, const char *proc, const struct cfs_xattr *x,
		     struct cfs_text path, struct cfs_err *err)
{
	char key[CFS_XATTR_KEY_MAX + 1];

	memcpy(key, x->key.s, x->key.len);
	key[x->key.len] = '\0';
	if (may_set(e, x->key) && setxattr(proc, key, x->value.p, x->value.len, 0) == 0)
		return 0;
	if (may_set(e, x->key) && errno != EOPNOTSUPP && errno != EPERM &&
	    errno != EINVAL && errno != ENOSPC && errno != E2BIG && errno != ERANGE)
		return cfs_fail_errno(err, "xattr %s", key);
	cfs_watch_warn_kind(
		&e->lost, "%.*s: xattr %s is left out: %s", (int)path.len, path.s, key,
		may_set(e, x->key) ? strerror(errno) : "only root can set it");
	return 0;
}

/* Drops set-id bits if the owner could not be set: the program would run as the
 * caller. */
static int set_file_mode(const struct extract *e, const char *proc,
			 const struct cfs_inode_spec *spec, struct cfs_err *err)
{
	mode_t mode = spec->mode & 07777;

	if (S_ISLNK(spec->mode))
		return 0;
	if (!e->x->as_root)
		mode &= ~(mode_t)(S_ISUID | S_ISGID);
	return chmod(proc, mode) < 0 ? cfs_fail_errno(err, "mode %04o", mode) : 0;
}

static int set_time(const char *proc, const struct cfs_inode_spec *spec,
		    struct cfs_err *err)
{
	struct timespec when = {.tv_sec = spec->mtime_sec, .tv_nsec = spec->mtime_nsec};
	struct timespec times[] = {when, when};

	return utimensat(AT_FDCWD, proc, times, 0) < 0 ? cfs_fail_errno(err, "time") : 0;
}

/* A change of the owner removes capabilities, and an ACL changes the mode: hence the order. */
int extract_attributes(struct extract *e, int fd, const struct cfs_inode_spec *spec,
		       struct cfs_text path, struct cfs_err *err)
{
	char proc[PROC_FD];
	int rc = set_owner(e, fd, spec, err);

	format_fd_path(fd, proc);
	for (size_t i = 0; rc == 0 && i < spec->n_xattrs; i++)
		rc = set_xattr(e, proc, &spec->xattrs[i], path, err);
	if (rc == 0)
		rc = set_file_mode(e, proc, spec, err);
	return rc < 0 ? rc : set_time(proc, spec, err);
}
