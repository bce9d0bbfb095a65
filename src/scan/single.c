/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Scans one name, with the stages of a whole scan. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "scan/scan_priv.h"

/* Splits path into a directory and a name. Without a name ("/", "a/") the name is "." in
 * that directory. */
static int split_path(const char *path, char dir[PATH_MAX], const char **name,
		      struct cfs_err *err)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) + 1 : 0;

	if (!*path)
		return cfs_fail(err, ENOENT, "expected a path, got none");
	if (len + 2 > PATH_MAX || strlen(path + len) > NAME_MAX)
		return cfs_fail(err, ENAMETOOLONG, "error accessing %s: path is too long",
				path);
	memcpy(dir, path, len);
	memcpy(dir + len, ".", 2);
	*name = path[len] ? path + len : ".";
	return 0;
}

/* Opens the parent directory. It need not be readable. Symlinks in its path are
 * followed. */
static int open_single_parent(struct scan *s, int dirfd, const char *dir,
			      struct cfs_err *err)
{
	s->rootfd = openat(dirfd, dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->rootfd < 0)
		return cfs_fail_errno(err, "error accessing %s", s->path);
	return 0;
}

static int read_one(struct scan *s, struct scan_entry *e, struct cfs_err *err)
{
	struct scan_file file = {.entry = e};
	struct stat st;
	int rc;

	/* cfs_scan_read_inode reports a missing name as one that has disappeared. */
	if (fstatat(s->rootfd, e->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return cfs_fail_errno(err, "stat");
	rc = cfs_scan_read_inode(s, &s->workers[0], s->rootfd, e, err);
	return rc < 0 ? rc : cfs_scan_read_file(s, 0, &file, err);
}

int cfs_scan_one(int dirfd, const char *path, const struct cfs_scan_opts *opts,
		 cfs_scan_one_fn fn, void *ctx, struct cfs_err *err)
{
	struct cfs_scan_opts here = *opts;
	struct scan s = {.opts = &here, .threads = 1, .path = path, .rootfd = -1};
	struct scan_entry e = {0};
	struct cfs_inode_spec spec;
	char dir[PATH_MAX], backing[CFS_OBJECT_PATH_MAX];
	int rc = split_path(path, dir, &e.name, err);

	if (rc < 0)
		return rc;
	here.threads = 1;
	here.file = NULL;
	here.memory = NULL;
	here.skip_devices = false;
	here.one_file_system = false;
	here.n_exclude = 0;
	rc = cfs_scan_init(&s, err);
	if (rc == 0)
		rc = open_single_parent(&s, dirfd, dir, err);
	if (rc == 0)
		rc = cfs_context(err, read_one(&s, &e, err), "error accessing %s", path);
	if (rc == 0) {
		cfs_scan_describe(&s, &e, backing, &spec);
		rc = fn(ctx, &spec, err);
	}
	cfs_scan_fini(&s);
	return rc;
}
