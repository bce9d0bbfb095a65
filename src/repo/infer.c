/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The parameters of a repository without meta.json, inferred from the first object that
 * is found. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "repo/repo_priv.h"

/* Visits one name in a directory. 1: inferred; 0: continue. */
typedef int infer_fn(int dirfd, const char *prefix, const char *name,
		     struct repo_inferred *out, struct cfs_err *err);

/* Visits each name. Closes fd. */
static int infer_from_each(int fd, const char *prefix, infer_fn *visit,
			   struct repo_inferred *out, struct cfs_err *err)
{
	DIR *dir = fdopendir(fd);
	const struct dirent *d;
	int rc = 0;

	if (!dir) {
		rc = cfs_fail_errno(err, "read directory");
		close(fd);
		return rc;
	}
	while (rc == 0 && (errno = 0, d = readdir(dir)))
		rc = visit(dirfd(dir), prefix, d->d_name, out, err);
	if (rc == 0 && errno)
		rc = cfs_fail_errno(err, "read directory");
	closedir(dir);
	return rc;
}

/* Whether an object is sealed tells whether the repository uses fs-verity. Returns 1
 * once it is known. */
static int infer_verity(int dirfd, const char *name, struct repo_inferred *out,
			struct cfs_err *err)
{
	cfs_autofd int fd =
		cfs_beneath_open(dirfd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct cfs_digest seal;
	int rc;

	if (fd == -ENOENT) /* removed by garbage collection */
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, name, err);
	rc = cfs_verity_measure(fd, &seal, err);
	out->sealed = rc == 0;
	return rc == 0 || rc == -ENOTTY ? 1 : cfs_context(err, rc, "%s", name);
}

static int infer_from_object(int dirfd, const char *prefix, const char *name,
			     struct repo_inferred *out, struct cfs_err *err)
{
	struct cfs_digest id;

	for (enum cfs_hash_alg alg = CFS_SHA256; alg <= CFS_SHA512; alg++)
		if (cfs_repo_parse_object_name(prefix, name, alg, &id)) {
			out->alg = alg;
			return infer_verity(dirfd, name, out, err);
		}
	return 0;
}

/* Looks into one of the 256 directories of objects for one that tells the algorithm.
 * Other names are ignored. */
static int infer_from_prefix(int dirfd, const char *prefix, const char *name,
			     struct repo_inferred *out, struct cfs_err *err)
{
	int fd;

	(void)prefix;
	if (strlen(name) != 2 || cfs_hex_decode_digit(name[0]) < 0 ||
	    cfs_hex_decode_digit(name[1]) < 0)
		return 0;
	fd = cfs_beneath_open(dirfd, name, O_RDONLY | O_DIRECTORY, 0);
	/* Other files are skipped, and garbage collection may remove a directory. */
	if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, name, err);
	return cfs_context(err, infer_from_each(fd, name, infer_from_object, out, err),
			   "%s", name);
}

int repo_infer(int dirfd, struct repo_inferred *out, struct cfs_err *err)
{
	int fd = cfs_beneath_open(dirfd, "objects", O_RDONLY | O_DIRECTORY, 0);

	*out = (struct repo_inferred){0};
	if (fd == -ENOENT)
		return 0;
	if (fd < 0)
		return cfs_beneath_fail(fd, "objects", err);
	return cfs_context(err, infer_from_each(fd, "", infer_from_prefix, out, err),
			   "objects");
}
