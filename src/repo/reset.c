/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Resetting a repository: everything except the objects is removed. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* --- check that no image is in use -------------------------------------------------- */

struct use_check {
	int dirfd;	 /* of the repository */
	const char *dir; /* in it, whose names are checked */
	bool force;
	struct cfs_err *err;
};

/* Opens a regular file; -ENOENT for other types, which cannot be mounted. */
static int open_used(const struct use_check *c, int dirfd, const char *path)
{
	cfs_autofd int fd =
		cfs_beneath_open(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;

	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR) /* not a regular file */
		return -ENOENT;
	if (fd < 0)
		return cfs_beneath_fail(fd, path, c->err);
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(c->err, "%s", path);
	return S_ISREG(st.st_mode) ? cfs_steal_fd(&fd) : -ENOENT;
}

/* If the kernel cannot tell about use, only images count: nothing else is mounted. */
static int is_mountable(const struct use_check *c, int fd)
{
	uint8_t head[4];
	ssize_t n = cfs_io_pread(fd, head, sizeof(head), 0, c->err);

	return n < 0 ? (int)n : n == sizeof(head) && cfs_image_has_magic(head);
}

static int fail_used(const struct use_check *c, const char *name, int use)
{
	return cfs_fail(c->err, use == CFS_FILE_USED ? EBUSY : ENOTSUP, "%s/%s: %s",
			c->dir, name, cfs_file_get_use_reason(use));
}

/* Resetting a repository changes digests, so an object that somebody has open would
 * get another meaning for him. */
static int check_object_unused(const struct use_check *c, const char *entry,
			       const struct cfs_digest *id)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	cfs_autofd int fd = -1;
	int use;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	fd = open_used(c, c->dirfd, below);
	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	use = cfs_context(c->err, cfs_file_probe_use(fd, c->err), "%s", below);
	if (use <= CFS_FILE_UNUSED || (use == CFS_FILE_USE_UNKNOWN && c->force))
		return use < 0 ? use : 0;
	return fail_used(c, entry, use);
}

/* Checks any file of a directory, for repo_visit_names(). */
static int check_file_unused(void *ctx, int dirfd, const char *name)
{
	const struct use_check *c = ctx;
	cfs_autofd int fd = open_used(c, dirfd, name);
	int use, mountable;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	use = cfs_context(c->err, cfs_file_probe_use(fd, c->err), "%s/%s", c->dir, name);
	if (use <= CFS_FILE_UNUSED || (use == CFS_FILE_USE_UNKNOWN && c->force))
		return use < 0 ? use : 0;
	mountable = use == CFS_FILE_USED ? 1 : is_mountable(c, fd);
	return mountable > 0 ? fail_used(c, name, use) : mountable;
}

/* Calls check for each name of a directory of the repository. The directory may be
 * missing. */
static int check_each(struct use_check *c, const char *dir,
		      int (*check)(void *ctx, int dirfd, const char *name))
{
	int fd = cfs_beneath_open(c->dirfd, dir, O_RDONLY | O_DIRECTORY, 0), rc;

	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, dir, c->err);
	c->dir = dir;
	c->err->msg[0] = '\0';
	rc = repo_visit_names(fd, check, c);
	if (rc < 0 && !c->err->msg[0]) {
		errno = -rc;
		return cfs_fail_errno(c->err, "%s", dir);
	}
	return rc;
}

/* A mounted image may have no first-level link, or its file may have been moved aside. */
static int check_files_unused(struct use_check *c)
{
	int rc = check_each(c, CFS_REPO_ASIDE, check_file_unused);

	for (unsigned i = 0; rc == 0 && i < 256; i++) {
		char dir[sizeof("objects/xx")];

		snprintf(dir, sizeof(dir), "objects/%02x", i);
		rc = check_each(c, dir, check_file_unused);
	}
	return rc;
}

/* Parses the ID at the end of a path ".../xx/REST", with any number of slashes before
 * REST. */
static bool parse_end(const char *target, struct cfs_digest *out)
{
	const char *rest = strrchr(target, '/'), *p = rest;
	char hex[CFS_REPO_LINK_MAX + 2];

	while (p && p > target && p[-1] == '/')
		p--;
	if (!p || p - target < 2)
		return false;
	snprintf(hex, sizeof(hex), "%.2s%s", p - 2, rest + 1);
	return cfs_digest_parse(cfs_text(hex), out, NULL) == 0;
}

/* Checks the object that the name means, and the one that the link refers to, whatever
 * its form. */
static int check_entry_unused(void *ctx, int dirfd, const char *name)
{
	const struct use_check *c = ctx;
	char target[CFS_REPO_LINK_MAX];
	struct cfs_digest id;
	int rc = 0, len;

	if (cfs_digest_parse(cfs_text(name), &id, NULL) == 0)
		rc = check_object_unused(c, name, &id);
	if (rc < 0)
		return rc;
	len = cfs_repo_read_link(dirfd, name, target);
	if (len == -EINVAL || len == -EUCLEAN || len == -ENOENT) /* not a valid link */
		return 0;
	if (len < 0) {
		errno = -len;
		return cfs_fail_errno(c->err, "images/%s", name);
	}
	return parse_end(target, &id) ? check_object_unused(c, name, &id) : 0;
}

/* A mounted image must keep its first-level link: afterwards only the open file shows
 * that it is in use. */
static int check_unused(int dirfd, bool force, struct cfs_err *err)
{
	struct cfs_err ignored;
	struct use_check c = {dirfd, "", force, err ? err : &ignored};
	int rc = check_each(&c, "images", check_entry_unused);

	return rc < 0 ? rc : check_files_unused(&c);
}

/* A repository without meta.json may be reset. */
static int check_resettable(int dirfd, struct cfs_err *err)
{
	int rc = repo_check_writable(dirfd, err);

	return rc == -ENOENT ? 0 : rc;
}

int repo_reset(int dirfd, const struct cfs_repo_init *init, struct cfs_err *err)
{
	static const char *const names[] = {"images", "streams", CFS_REPO_LOG_DIR,
					    "meta.json"};
	int rc = init->force ? 0 : check_resettable(dirfd, err);

	if (rc == 0)
		rc = repo_lock_exclusive(dirfd, &init->wait, err);
	if (rc == 0 && !init->force) /* again: it may have been replaced meanwhile */
		rc = check_resettable(dirfd, err);
	if (rc == 0)
		rc = check_unused(dirfd, init->force, err);
	for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		int code = cfs_repo_remove_tree(dirfd, names[i]);

		if (code == 0)
			continue;
		errno = -code;
		rc = cfs_fail_errno(err, "remove %s", names[i]);
	}
	return rc;
}
