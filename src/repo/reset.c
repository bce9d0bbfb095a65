/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Repositories from before meta.json: what their objects tell, and starting over with nothing but them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "repo/repo_priv.h"

enum { DEPTH_MAX = 64 };

/* --- what the objects tell --------------------------------------------------------------- */

/* The algorithm whose names are that long, or 0. */
static enum cfs_hash_alg alg_of(const char *prefix, const char *name)
{
	struct cfs_digest id;

	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++)
		if (repo_parse_object_name(prefix, name, alg, &id))
			return alg;
	return 0;
}

/* Calls fn with each name until it says something. */
static int each_name(int fd, int (*fn)(void *ctx, int dirfd, const char *name), void *ctx)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int found = 0;

	if (!dir) {
		close(fd);
		return 0;
	}
	while (!found && (d = readdir(dir)))
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			found = fn(ctx, dirfd(dir), d->d_name);
	closedir(dir);
	return found;
}

static int look_at_object(void *ctx, int dirfd, const char *name)
{
	(void)dirfd;
	return (int)alg_of(ctx, name);
}

static int look_at_prefix(void *ctx, int dirfd, const char *name)
{
	char prefix[3];
	int fd;

	(void)ctx;
	if (strlen(name) != 2)
		return 0;
	memcpy(prefix, name, sizeof(prefix));
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? 0 : each_name(fd, look_at_object, prefix);
}

enum cfs_hash_alg repo_infer_alg(int dirfd)
{
	int fd = cfs_beneath_open(dirfd, "objects", O_RDONLY | O_DIRECTORY, 0);

	return fd < 0 ? 0 : (enum cfs_hash_alg)each_name(fd, look_at_prefix, NULL);
}

/* --- starting over ----------------------------------------------------------------------- */

struct removal {
	int depth, code;
};

static int remove_name(void *ctx, int dirfd, const char *name)
{
	struct removal *r = ctx;
	int fd;

	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM) {
		r->code = -errno;
		return 1;
	}
	fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || r->depth == DEPTH_MAX) {
		r->code = fd < 0 ? -errno : -ELOOP;
		if (fd >= 0)
			close(fd);
		return 1;
	}
	r->depth++;
	if (each_name(fd, remove_name, r))
		return 1;
	r->depth--;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0)
		r->code = -errno;
	return r->code < 0;
}

int repo_remove(int dirfd, const char *name)
{
	struct removal r = {0};

	return remove_name(&r, dirfd, name) ? r.code : 0;
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
	for (size_t i = 0; rc == 0 && i < sizeof(names) / sizeof(names[0]); i++) {
		int code = repo_remove(dirfd, names[i]);

		if (code == 0)
			continue;
		errno = -code;
		rc = cfs_fail_errno(err, "remove %s", names[i]);
	}
	return rc;
}
