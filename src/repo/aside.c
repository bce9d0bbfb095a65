/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files that are moved out of objects/ although they may still be mounted: they go to
 * CFS_REPO_ASIDE, where garbage collection checks each of them for use. */
#include "repo/repo_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

enum {
	NAME_TRIES = 1000,
	NAME_MAX_LEN = CFS_DIGEST_HEX_MAX + 16,
};

/* Formats HEX, or HEX.NUMBER if number is not 0. */
static void format_name(const struct cfs_digest *id, int number, char out[NAME_MAX_LEN])
{
	char hex[CFS_DIGEST_HEX_MAX];

	cfs_digest_hex(id, hex);
	if (number)
		snprintf(out, NAME_MAX_LEN, "%s.%d", hex, number);
	else
		snprintf(out, NAME_MAX_LEN, "%s", hex);
}

struct place {
	int from, to;	  /* the directory of the object, and CFS_REPO_ASIDE */
	const char *name; /* of the object, in from */
};

static int rename_aside(const struct place *p, const char *to)
{
	return renameat2(p->from, p->name, p->to, to, RENAME_NOREPLACE);
}

/* Adds a second name, so that the object has one at every moment. Where that is
 * impossible or not permitted (a file of another user, a directory), the file is
 * moved. */
static int link_aside(const struct place *p, const char *to)
{
	if (linkat(p->from, p->name, p->to, to, 0) == 0)
		return 0;
	if (errno == EPERM || errno == EMLINK || errno == EOPNOTSUPP)
		return rename_aside(p, to);
	return -1;
}

/* Returns the number of the new name, or -errno. put: rename_aside or link_aside. */
static int name_aside(const struct cfs_repo *repo, const struct cfs_digest *id,
		      int (*put)(const struct place *, const char *), struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	struct place p = {.name = NULL};
	cfs_autofd int from = -1, to = -1;

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	from = p.from = cfs_beneath_open_parent(repo->dirfd, below, &p.name);
	if (from < 0)
		return cfs_beneath_fail(from, below, err);
	to = p.to = cfs_beneath_make_dir(repo->dirfd, CFS_REPO_ASIDE, 0700);
	if (to < 0)
		return cfs_beneath_fail(to, CFS_REPO_ASIDE, err);
	for (int i = 0; i < NAME_TRIES; i++) {
		char name[NAME_MAX_LEN];

		format_name(id, i, name);
		if (put(&p, name) == 0)
			return i;
		if (errno != EEXIST)
			return cfs_fail_errno(err, "%s to " CFS_REPO_ASIDE, below);
	}
	return cfs_fail(err, EEXIST, "%s: no free name in " CFS_REPO_ASIDE, below);
}

int cfs_repo_move_aside(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err)
{
	int number = name_aside(repo, id, rename_aside, err);

	return number < 0 ? number : 0;
}

int repo_keep_replaced(const void *repo, const struct cfs_digest *id, struct cfs_err *err)
{
	return name_aside(repo, id, link_aside, err);
}

int repo_drop_replaced(const void *ctx, const struct cfs_digest *id, int number,
		       struct cfs_err *err)
{
	const struct cfs_repo *repo = ctx;
	cfs_autofd int dirfd = cfs_beneath_open_dir(repo->dirfd, CFS_REPO_ASIDE);
	cfs_autofd int fd = -1;
	char name[NAME_MAX_LEN];
	int use;

	format_name(id, number, name);
	if (dirfd < 0)
		return cfs_beneath_fail(dirfd, CFS_REPO_ASIDE, err);
	fd = cfs_beneath_open(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd == -ENOENT)
		return 0;
	use = fd < 0 ? cfs_beneath_fail(fd, name, err) : cfs_file_probe_use(fd, err);
	if (use < 0)
		return cfs_context(err, use, CFS_REPO_ASIDE);
	if (use == CFS_FILE_UNUSED && unlinkat(dirfd, name, 0) < 0 && errno != ENOENT)
		return cfs_fail_errno(err, CFS_REPO_ASIDE "/%s", name);
	return 0;
}
