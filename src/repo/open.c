/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening and closing a repository. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* The directory, or the first parent that exists. */
static int open_nearest(const char *path, struct cfs_err *err)
{
	cfs_autofree char *copy = strdup(path);
	int fd;

	if (!copy)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_path_cut_missing(copy);
	fd = open(copy, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "open") : fd;
}

enum { LEVELS = 3 }; /* REPO/signatures/objects */

int cfs_repo_check_writable(const char *path, struct cfs_err *err)
{
	cfs_autofd int fd = open_nearest(path, err);
	int rc = 0;

	if (fd < 0)
		return cfs_context(err, fd, "%s", path);
	for (int i = 0; rc == 0 && i < LEVELS; i++) {
		int above;

		rc = repo_is_repository(fd, err);
		if (rc > 0)
			return cfs_context(err, repo_check_writable(fd, err),
					   "repository of %s", path);
		above = rc < 0 ? -1 : openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (rc == 0 && above < 0)
			rc = cfs_fail_errno(err, "the directory above");
		if (rc < 0)
			break;
		close(fd);
		fd = above;
	}
	return cfs_context(err, rc, "%s", path);
}

/* For writing, symbolic links of other users are not followed: they could redirect the
 * writes to another repository. */
static int open_repo_root(const char *path, enum cfs_repo_access access,
			  struct cfs_err *err)
{
	cfs_autofd int place =
		access == CFS_REPO_WRITE ? cfs_path_open_dir(path, err) : AT_FDCWD;
	int fd;

	if (access == CFS_REPO_WRITE && place < 0)
		return place;
	fd = openat(place, access == CFS_REPO_WRITE ? "." : path,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "open") : fd;
}

/* Opens a repository and takes its lock. What an unknown version of it would need is
 * refused for writing. */
static int open_and_lock(struct cfs_repo *r, enum cfs_repo_access access,
			 const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	int rc;

	if (wait)
		r->wait = *wait;
	r->dirfd = open_repo_root(r->path, access, err);
	if (r->dirfd < 0)
		return r->dirfd;
	rc = repo_read_meta(r->dirfd, &r->meta, &r->secure, err);
	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT, "not a repository: it has no meta.json");
	if (rc == 0 && access == CFS_REPO_WRITE)
		rc = repo_check_meta_writable(&r->meta, err);
	if (rc < 0)
		return rc;
	return repo_lock_shared(r->dirfd, access, wait, err);
}

int cfs_repo_open_waiting(const char *path, enum cfs_repo_access access,
			  const struct cfs_lock_wait *wait, struct cfs_repo **out,
			  struct cfs_err *err)
{
	struct cfs_repo *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return cfs_fail(err, ENOMEM, "out of memory");
	r->dirfd = -1;
	r->path = strdup(path);
	rc = r->path ? open_and_lock(r, access, wait, err)
		     : cfs_fail(err, ENOMEM, "out of memory");
	if (rc < 0) {
		cfs_repo_close(r);
		return cfs_context(err, rc, "repository %s", path);
	}
	*out = r;
	return 0;
}

int cfs_repo_open(const char *path, enum cfs_repo_access access, struct cfs_repo **out,
		  struct cfs_err *err)
{
	return cfs_repo_open_waiting(path, access, NULL, out, err);
}

void cfs_repo_close(struct cfs_repo *repo)
{
	if (!repo)
		return;
	if (repo->dirfd >= 0)
		close(repo->dirfd); /* releases the lock */
	free(repo->path);
	free(repo);
}

const struct cfs_repo_meta *cfs_repo_get_meta(const struct cfs_repo *repo)
{
	return &repo->meta;
}

const char *cfs_repo_get_path(const struct cfs_repo *repo)
{
	return repo->path;
}

bool cfs_repo_is_secure(const struct cfs_repo *repo)
{
	return repo->secure;
}

int cfs_repo_get_dirfd(const struct cfs_repo *repo)
{
	return repo->dirfd;
}
