/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading a file of an image: from the image, or from its object. */
#include "containers/read_file.h"

#include <errno.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "repo/repo.h"

/* Copies a content that is in the image itself. out is owned by the caller. */
static int read_inside(const struct cfs_inode *inode, struct cfs_mem *out,
		       struct cfs_err *err)
{
	uint8_t buf[CFS_CONTENT_MAX];
	struct cfs_span content = cfs_inode_read_content(inode, buf);

	out->p = malloc(content.len + 1);
	if (!out->p)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (content.len)
		memcpy(out->p, content.p, content.len);
	out->len = content.len;
	return 0;
}

static int read_file_object(const struct cfs_repo *repo, const struct cfs_image *im,
			    const struct cfs_inode *inode, size_t max,
			    struct cfs_mem *out, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	struct cfs_digest id;
	int rc = cfs_repo_find_inode_object(repo, im, inode, &id, err);

	if (rc < 0)
		return rc;
	fd = cfs_repo_open_object(repo, &id, CFS_REPO_PROVEN, err);
	return fd < 0 ? fd : cfs_input_read_fd(fd, max, out, err);
}

static int read_inode(const struct cfs_repo *repo, const struct cfs_image *im,
		      const struct cfs_inode *inode, size_t max, struct cfs_mem *out,
		      struct cfs_err *err)
{
	if (!S_ISREG(inode->mode))
		return cfs_fail(err, EINVAL, "expected a regular file");
	if (inode->size > max)
		return cfs_fail(err, EFBIG, "expected at most %zu bytes, got %" PRIu64,
				max, inode->size);
	return inode->external ? read_file_object(repo, im, inode, max, out, err)
			       : read_inside(inode, out, err);
}

int cfs_containers_read_file(const struct cfs_repo *repo, const struct cfs_image *im,
			     const char *path, size_t max, struct cfs_mem *out,
			     struct cfs_err *err)
{
	struct cfs_inode inode;
	int rc;

	*out = (struct cfs_mem){0};
	rc = cfs_image_resolve(im, cfs_text(path), CFS_RESOLVE_LAST, &inode, NULL, err);
	if (rc == 0)
		rc = read_inode(repo, im, &inode, max, out, err);
	return cfs_context(err, rc, "%s of the image", path);
}
