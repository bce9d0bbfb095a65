/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The repository that is used when none is named. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* --- default places ----------------------------------------------------------------- */

/* A path that cannot be examined counts as existing. The error is reported when it is
 * opened. */
static bool may_exist(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

const char *cfs_repo_get_rs_system_path(void)
{
	return "/sysroot/composefs";
}

const char *cfs_repo_get_system_path(void)
{
	static const char *const places[] = {"/sysroot/composefs", "/composefs"};

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (may_exist(places[i]))
			return places[i];
	return "/var/lib/composefs";
}

static const char *format_path(char buf[CFS_REPO_PATH_MAX], const char *top,
			       const char *below)
{
	int n;

	if (!top || !*top)
		return NULL;
	n = snprintf(buf, CFS_REPO_PATH_MAX, "%s/%s", top, below);
	return n < CFS_REPO_PATH_MAX ? buf : NULL;
}

const char *cfs_repo_format_rs_user_path(const char *home, char buf[CFS_REPO_PATH_MAX])
{
	return format_path(buf, home, ".var/lib/composefs");
}

static const char *format_user_path(const char *data_home, const char *home,
				    char buf[CFS_REPO_PATH_MAX])
{
	if (data_home && *data_home == '/')
		return format_path(buf, data_home, "composefs");
	return format_path(buf, home, ".local/share/composefs");
}

const char *cfs_repo_format_user_path(const char *data_home, const char *home,
				      char buf[CFS_REPO_PATH_MAX])
{
	const char *path = format_user_path(data_home, home, buf);

	if (path && may_exist(path))
		return path;
	if (cfs_repo_format_rs_user_path(home, buf) && may_exist(buf))
		return buf;
	return format_user_path(data_home, home, buf);
}

/* --- above the current directory ---------------------------------------------------- */

/* A new repository has no objects yet, and other programs have a meta.json as well. */
int repo_is_repository(int dirfd, struct cfs_err *err)
{
	struct cfs_repo_meta meta;
	bool secure;
	struct stat st;
	int rc;

	if (fstatat(dirfd, "meta.json", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "meta.json");
	if (fstatat(dirfd, "objects", &st, AT_SYMLINK_NOFOLLOW) == 0)
		return 1;
	if (errno != ENOENT)
		return cfs_fail_errno(err, "objects");
	rc = repo_read_meta(dirfd, &meta, &secure, NULL);
	return rc == 0 || rc == -ENOTSUP; /* of a newer version */
}

static int fail_foreign(const struct stat *dir, const struct stat *st, const char *name,
			struct cfs_err *err)
{
	bool by_dir = !cfs_path_is_own(dir, dir);

	if ((dir->st_mode & S_IWOTH) && !(dir->st_mode & S_ISVTX))
		return cfs_fail(err, EPERM, "everybody can write to it");
	return cfs_fail(err, EPERM, "%s%s: expected the owner %u or root, got user %u",
			by_dir ? "" : name, by_dir ? "directory" : "", geteuid(),
			by_dir ? dir->st_uid : st->st_uid);
}

/* Checks that only the caller or root can have created it. */
static int check_own(int dirfd, const struct stat *dir, struct cfs_err *err)
{
	static const char *const names[] = {"meta.json", "objects"};
	struct stat st;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (fstatat(dirfd, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0) {
			if (errno == ENOENT)
				continue;
			return cfs_fail_errno(err, "%s", names[i]);
		}
		if (!cfs_path_is_own(dir, &st))
			return fail_foreign(dir, &st, names[i], err);
	}
	return 0;
}

/* 1: found, 0: continue above, -ENOENT without a message: end of the search. */
static int examine_dir(int dirfd, struct cfs_err *err)
{
	struct stat st;
	int rc = repo_is_repository(dirfd, err);

	if (rc < 0)
		return rc;
	if (fstat(dirfd, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (rc == 0)
		return cfs_path_is_own(&st, &st) ? 0 : -ENOENT;
	rc = check_own(dirfd, &st, err);
	return rc < 0 ? rc : 1;
}

/* Cuts the last component off an absolute path; false: it was the root directory. */
static bool cut_last(char *path)
{
	char *slash = strrchr(path, '/');

	if (!slash || !slash[1])
		return false;
	slash[slash == path] = '\0';
	return true;
}

int cfs_repo_find_above(char out[CFS_REPO_PATH_MAX], struct cfs_err *err)
{
	cfs_autofd int at = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int rc = 0;

	/* Without a current directory there is nothing to find. */
	if (at < 0 || !getcwd(out, CFS_REPO_PATH_MAX) || *out != '/')
		return 0;
	while (rc == 0) {
		int above;

		rc = examine_dir(at, err);
		if (rc == -ENOENT || (rc == 0 && !cut_last(out)))
			return 0;
		if (rc != 0)
			break;
		above = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (above < 0)
			return errno == EACCES ? 0 : cfs_fail_errno(err, "%s", out);
		close(at);
		at = above;
	}
	return cfs_context(err, rc, "repository %s", out);
}
