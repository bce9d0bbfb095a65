/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading meta.json, and the features that make a repository read-only. */
#include <errno.h>
#include <fcntl.h>

#include "repo/repo_priv.h"

int repo_read_meta(int dirfd, struct cfs_repo_meta *out, bool *secure,
		   struct cfs_err *err)
{
	cfs_autofd int fd =
		cfs_beneath_open(dirfd, "meta.json", O_RDONLY | O_NONBLOCK, 0);
	cfs_autofree char *text = malloc(CFS_REPO_META_MAX + 1);
	struct cfs_digest seal;
	ssize_t n;
	int rc;

	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return cfs_beneath_fail(fd, "meta.json", err);
	if (!text)
		return cfs_fail(err, ENOMEM, "out of memory");
	n = cfs_io_pread(fd, text, CFS_REPO_META_MAX + 1, 0, err);
	rc = n < 0 ? (int)n
		   : cfs_repo_meta_parse((struct cfs_text){text, (size_t)n}, out, err);
	if (rc == 0) {
		rc = cfs_verity_measure(fd, &seal, err);
		*secure = rc == 0;
		rc = rc == -ENOTTY ? 0 : rc;
	}
	return cfs_context(err, rc, "meta.json");
}

int repo_check_meta_writable(const struct cfs_repo_meta *meta, struct cfs_err *err)
{
	if (!meta->read_only)
		return 0;
	return cfs_fail(err, EROFS, "read-only because of the unsupported feature %s",
			meta->feature);
}

int repo_check_writable(int dirfd, struct cfs_err *err)
{
	struct cfs_repo_meta meta;
	bool secure;
	int rc = repo_read_meta(dirfd, &meta, &secure, err);

	return rc < 0 ? rc : repo_check_meta_writable(&meta, err);
}
