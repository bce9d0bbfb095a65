/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where a command writes to. */
#include "source/own_places.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

static void add(struct own_places *p, const struct stat *st, const char *name,
		const char *what)
{
	if (p->n < OWN_PLACES_MAX)
		p->v[p->n++] =
			(struct cfs_scan_exclude){st->st_dev, st->st_ino, name, what};
}

int own_places_add_dir(struct own_places *p, const char *path, const char *what,
		       struct cfs_err *err)
{
	struct stat st;

	if (stat(path, &st) == 0)
		add(p, &st, NULL, what);
	else if (errno != ENOENT)
		return cfs_fail_errno(err, "%s %s", what, path);
	return 0;
}

int own_places_add_file(struct own_places *p, const struct cfs_replace *r,
			const char *what, struct cfs_err *err)
{
	struct stat st;

	if (r->dirfd < 0)
		return 0;
	if (fstat(r->dirfd, &st) < 0)
		return cfs_fail_errno(err, "directory of %s", what);
	add(p, &st, r->name, what);
	if (r->tmp)
		add(p, &st, r->tmp, what);
	return 0;
}

static int add_fd(struct own_places *p, int fd, const char *what, struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno == EBADF ? 0 : cfs_fail_errno(err, "%s", what);
	if (S_ISREG(st.st_mode))
		add(p, &st, NULL, what);
	return 0;
}

int own_places_add_std(struct own_places *p, struct cfs_err *err)
{
	int rc = add_fd(p, STDOUT_FILENO, "standard output", err);

	return rc < 0 ? rc : add_fd(p, STDERR_FILENO, "standard error", err);
}
