/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening objects. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "fuse/fuse_priv.h"
#include "fuse/proof.h"

/* Whether the file is what the image says: 0 or -errno. A shorter object would be read as if zeros
 * followed. */
static int check_served_object(const struct cfs_fuse_fs *fs,
			       const struct cfs_fuse_answer *what, int fd)
{
	struct cfs_digest found;
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != what->object_size)
		return -EIO;
	if (fs->proofs && !what->has_digest)
		return -EIO;
	if (fs->proofs) {
		rc = cfs_fuse_proofs_open(fs->proofs, &what->digest, fd,
					  what->object_size);
		if (rc < 0)
			return rc;
	}
	if (!fs->require_verity)
		return 0;
	rc = cfs_verity_measure(fd, &found, NULL);
	if (rc < 0 || !what->has_digest || !cfs_digest_eq(&found, &what->digest))
		return -EIO;
	return 0;
}

int fuse_open_object(const struct cfs_fuse_fs *fs, const struct cfs_fuse_answer *what)
{
	char path[PATH_MAX];
	int rc = -ENOENT;

	memcpy(path, what->path.s, what->path.len);
	path[what->path.len] = '\0';
	for (size_t i = 0; rc == -ENOENT && i < fs->n_objdirs; i++) {
		cfs_autofd int fd = cfs_beneath_open(fs->objdir_fds[i], path,
						     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);

		rc = fd < 0 ? fd : check_served_object(fs, what, fd);
		if (rc == 0)
			return cfs_steal_fd(&fd);
	}
	return rc;
}
