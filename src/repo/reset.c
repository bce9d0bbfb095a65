/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starting over with nothing but the objects. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "repo/mark.h"

enum { DEPTH_MAX = 64 };

/* Calls fn with each name until it returns something else than 0, and returns that. Takes fd over. */
static int each_name(int fd, int (*fn)(void *ctx, int dirfd, const char *name), void *ctx)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int rc = dir ? 0 : -errno;

	if (!dir) {
		close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			rc = fn(ctx, dirfd(dir), d->d_name);
	if (rc == 0)
		rc = -errno;
	closedir(dir);
	return rc;
}

static int remove_name(void *ctx, int dirfd, const char *name)
{
	int *depth = ctx, fd, rc;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return -errno;
	if (*depth == DEPTH_MAX)
		return -ELOOP;
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	++*depth;
	rc = each_name(fd, remove_name, depth);
	--*depth;
	if (rc == 0 && unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		rc = -errno;
	return rc;
}

int repo_remove(int dirfd, const char *name)
{
	int depth = 0;

	return remove_name(&depth, dirfd, name);
}

/* --- nothing is mounted ------------------------------------------------------------------ */

struct use_check {
	int dirfd; /* of the repository */
	bool force;
	struct cfs_err *err;
};

static int check_object_unused(const struct use_check *c, const char *entry,
			       const struct cfs_digest *id)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	cfs_autofd int fd = -1;
	struct stat st;
	int use;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	fd = cfs_beneath_open(c->dirfd, below, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR) /* no regular file */
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, below, c->err);
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(c->err, "%s", below);
	if (!S_ISREG(st.st_mode))
		return 0;
	use = cfs_context(c->err, repo_file_use(fd, c->err), "%s", below);
	if (use <= REPO_UNUSED || (use == REPO_USE_UNKNOWN && c->force))
		return use < 0 ? use : 0;
	return cfs_fail(c->err, use == REPO_USED ? EBUSY : ENOTSUP, "images/%s: %s",
			entry, repo_use_reason(use));
}

/* The id in a path that ends in xx/rest, with any number of slashes in between. */
static bool parse_end(const char *target, struct cfs_digest *out)
{
	const char *rest = strrchr(target, '/'), *p = rest;
	char hex[REPO_LINK_MAX + 2];

	while (p && p > target && p[-1] == '/')
		p--;
	if (!p || p - target < 2)
		return false;
	snprintf(hex, sizeof(hex), "%.2s%s", p - 2, rest + 1);
	return cfs_digest_parse(cfs_text(hex), out, NULL) == 0;
}

/* The object of that name, and that which the link leads to, whatever form it has. */
static int check_entry_unused(void *ctx, int dirfd, const char *name)
{
	const struct use_check *c = ctx;
	char target[REPO_LINK_MAX];
	struct cfs_digest id;
	int rc = 0, len;

	if (cfs_digest_parse(cfs_text(name), &id, NULL) == 0)
		rc = check_object_unused(c, name, &id);
	if (rc < 0)
		return rc;
	len = repo_read_link(dirfd, name, target);
	if (len == -EINVAL || len == -EUCLEAN || len == -ENOENT) /* no link of ours */
		return 0;
	if (len < 0) {
		errno = -len;
		return cfs_fail_errno(c->err, "images/%s", name);
	}
	return parse_end(target, &id) ? check_object_unused(c, name, &id) : 0;
}

/* What is mounted would lose its entry, and the next collection would know of it by its open file alone. */
static int check_unused(int dirfd, bool force, struct cfs_err *err)
{
	struct use_check c = {dirfd, force, err};
	int fd = cfs_beneath_open(dirfd, "images", O_RDONLY | O_DIRECTORY, 0), rc;

	if (fd == -ENOENT || fd == -ELOOP || fd == -ENOTDIR)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, "images", err);
	if (err)
		err->msg[0] = '\0';
	rc = each_name(fd, check_entry_unused, &c);
	if (rc < 0 && err && !err->msg[0]) {
		errno = -rc;
		return cfs_fail_errno(err, "images");
	}
	return rc;
}

/* A repository from before there was a meta.json may be reset. */
static int check_resettable(int dirfd, struct cfs_err *err)
{
	int rc = repo_check_writable(dirfd, err);

	return rc == -ENOENT ? 0 : rc;
}

static void note_waiting(void *ctx, enum cfs_repo_note note, const char *what,
			 const char *why)
{
	const struct cfs_lock_wait *wait = ctx;

	(void)note;
	(void)what;
	if (wait->note)
		wait->note(wait->ctx, why);
}

int repo_reset(int dirfd, const struct cfs_repo_init *init, struct cfs_err *err)
{
	static const char *const names[] = {"images", "streams", "meta.json"};
	int ms = init->wait.timeout_ms;
	const struct cfs_repo_collect_opts wait = {.timeout = ms > 0 ? (ms + 999) / 1000
								     : ms,
						   .note = note_waiting,
						   .ctx = (void *)(uintptr_t)&init->wait};
	int rc = init->force ? 0 : check_resettable(dirfd, err);

	if (rc == 0)
		rc = repo_lock_alone(dirfd, &wait, err);
	if (rc == 0 && !init->force) /* again: it may be another one by now */
		rc = check_resettable(dirfd, err);
	if (rc == 0)
		rc = check_unused(dirfd, init->force, err);
	for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		int code = repo_remove(dirfd, names[i]);

		if (code == 0)
			continue;
		errno = -code;
		rc = cfs_fail_errno(err, "remove %s", names[i]);
	}
	return rc;
}
