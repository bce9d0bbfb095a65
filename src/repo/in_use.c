/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether an object is in use (base/file_use.h). */
#include <errno.h>
#include <stdio.h>

#include "repo/repo_priv.h"

static int open_object_path(const struct cfs_repo *repo, const struct cfs_digest *id,
			    struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];

	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	return cfs_repo_open_unverified(cfs_repo_get_dirfd(repo), below, err);
}

int cfs_repo_object_use(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	cfs_autofd int fd = open_object_path(repo, id, err);

	/* Only a regular file can be mounted. */
	if (fd == -ENOENT || fd == -EUCLEAN)
		return CFS_FILE_UNUSED;
	if (fd < 0)
		return fd;
	return cfs_context(err, cfs_file_probe_use(fd, err), "objects/%s",
			   cfs_digest_path(id, path));
}
