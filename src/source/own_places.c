/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Lists the places that a command writes to. */
#include "source/own_places.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

/* Remembers a file or directory by its inode, so that the scan finds it under any
 * name. name and what are borrowed. -E2BIG: too many. */
static int add_own_place(struct cfs_own_places *p, const struct stat *st,
			 const char *name, const char *what, struct cfs_err *err)
{
	if (p->n == CFS_OWN_PLACES_MAX)
		return cfs_fail(err, E2BIG, "%s: expected at most %d output places", what,
				CFS_OWN_PLACES_MAX);
	p->v[p->n++] = (struct cfs_scan_exclude){st->st_dev, st->st_ino, name, what};
	return 0;
}

int cfs_own_places_add_dir(struct cfs_own_places *p, const char *path, const char *what,
			   struct cfs_err *err)
{
	struct stat st;

	if (stat(path, &st) == 0)
		return add_own_place(p, &st, NULL, what, err);
	return errno == ENOENT ? 0 : cfs_fail_errno(err, "%s %s", what, path);
}

int cfs_own_places_add_file(struct cfs_own_places *p, const struct cfs_replace *r,
			    const char *what, struct cfs_err *err)
{
	struct stat st;
	int rc;

	if (r->dirfd < 0)
		return 0;
	if (fstat(r->dirfd, &st) < 0)
		return cfs_fail_errno(err, "directory of %s", what);
	rc = add_own_place(p, &st, r->name, what, err);
	return rc == 0 && r->tmp ? add_own_place(p, &st, r->tmp, what, err) : rc;
}

static int add_regular_fd(struct cfs_own_places *p, int fd, const char *what,
			  struct cfs_err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return errno == EBADF ? 0 : cfs_fail_errno(err, "%s", what);
	return S_ISREG(st.st_mode) ? add_own_place(p, &st, NULL, what, err) : 0;
}

int cfs_own_places_add_std(struct cfs_own_places *p, struct cfs_err *err)
{
	int rc = add_regular_fd(p, STDOUT_FILENO, "standard output", err);

	return rc < 0 ? rc : add_regular_fd(p, STDERR_FILENO, "standard error", err);
}
