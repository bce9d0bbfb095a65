/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Temporary files of processes that were killed, and old logs of removed references. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "gc/collect_priv.h"

enum {
	LEFTOVER_AGE_SEC = 3600
}; /* seconds; a younger file may be in use by a program that does not lock it */

static int remove_leftover(struct gc_run *c, int dirfd, const char *name,
			   struct cfs_err *err)
{
	struct stat st;

	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", name);
	if (S_ISDIR(st.st_mode) || st.st_mtim.tv_sec + LEFTOVER_AGE_SEC > c->now)
		return 0;
	if (!c->opts->dry_run && unlinkat(dirfd, name, 0) < 0)
		return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s", name);
	c->out->n_temporary++;
	return 0;
}

/* Removes what an interrupted run left. An error of readdir() stops the run: in doubt
 * nothing more is removed. */
static int remove_leftovers(struct gc_run *c, int dirfd, const char *prefix,
			    struct cfs_err *err)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *d;

	if (!dir) {
		rc = cfs_fail_errno(err, "open directory");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if ((rc = cfs_watch_poll(c->opts->watch, err)) == 0 &&
		    strncmp(d->d_name, prefix, strlen(prefix)) == 0)
			rc = remove_leftover(c, dirfd, d->d_name, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read directory");
	closedir(dir);
	return rc;
}

/* Logs say what happened; one that cannot be read or removed is no reason to fail. */
static void expire_logs(struct gc_run *c)
{
	struct cfs_err err;

	if (cfs_repo_log_expire(c->repo, c->now, c->opts->dry_run, &c->out->n_temporary,
				&err) < 0)
		cfs_watch_warn(c->opts->watch, "old logs of references: %s", err.msg);
}

int gc_remove_leftovers(struct gc_run *c, struct cfs_err *err)
{
	/* Links before they are renamed; the index of contents, by cfs_replace_open_at. */
	static const char *const prefixes[] = {".symlink-", "..content-index.", ".cfs-"};
	int rc = c->objects >= 0 ? remove_leftovers(c, c->objects, ".tmp-object-", err)
				 : 0;

	for (size_t i = 0; rc == 0 && i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		rc = remove_leftovers(c, cfs_repo_get_dirfd(c->repo), prefixes[i], err);
	if (rc == 0)
		expire_logs(c);
	return rc;
}
