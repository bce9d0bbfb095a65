/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where a path of a configuration leads in the image. */
#include <errno.h>

#include "bundle/bundle_priv.h"

bool bundle_is_beneath(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return strncmp(path, dir, len) == 0 && (path[len] == 0 || path[len] == '/');
}

/* Appends a name to the path that exists. */
static int add_component(char path[PATH_MAX], struct cfs_text name, struct cfs_err *err)
{
	size_t len = strlen(path);

	if (len + 1 + name.len >= PATH_MAX)
		return cfs_fail(err, ENAMETOOLONG, "the path is too long");
	path[len] = '/';
	memcpy(path + len + 1, name.s, name.len);
	path[len + 1 + name.len] = 0;
	return 0;
}

/* Follows the symbolic links of a path that exists so far. 1, 0: it ends here, or -errno. */
static int step_into(const struct bundle *b, char path[PATH_MAX], struct cfs_inode *inode,
		     struct cfs_err *err)
{
	char found[PATH_MAX];
	int rc = cfs_image_resolve(b->im, cfs_text(path), CFS_RESOLVE_LAST, inode, found,
				   err);

	if (rc == 0) {
		memcpy(path, found, strlen(found) + 1);
		return 1;
	}
	if (rc != -ENOENT)
		return rc;
	if (cfs_image_resolve(b->im, cfs_text(path), CFS_RESOLVE_NOT_LAST, inode, NULL,
			      NULL) == 0)
		return cfs_fail(err, EINVAL, "%s is a symbolic link without a target",
				path);
	return 0;
}

static int check_path(const char *path, struct cfs_err *err)
{
	if (*path != '/')
		return cfs_fail(err, EINVAL, "expected an absolute path");
	if (cfs_path_leaves(cfs_text(path)))
		return cfs_fail(err, EINVAL, "expected a path without \"..\"");
	return 0;
}

/* Walks the image as chroot would. Below a component that does not exist the rest is
 * joined by its text, since the runtime creates it. Returns 1 if the path exists, 0 if
 * not. */
static int locate_path(const struct bundle *b, const char *path, char out[PATH_MAX],
		       struct cfs_inode *inode, struct cfs_err *err)
{
	bool is_there = true;
	int rc = check_path(path, err);

	*out = 0;
	if (rc == 0)
		rc = cfs_image_resolve(b->im, CFS_TEXT("/"), CFS_RESOLVE_LAST, inode,
				       NULL, err);
	while (rc >= 0 && *path) {
		size_t len = strcspn(path, "/");

		if (len && !(len == 1 && *path == '.')) {
			rc = add_component(out, (struct cfs_text){path, len}, err);
			if (rc == 0 && is_there)
				rc = step_into(b, out, inode, err);
			is_there = is_there && rc != 0;
		}
		path += len + (path[len] == '/');
	}
	return rc < 0 ? rc : is_there;
}

int bundle_locate(const struct bundle *b, const char *what, const char *path,
		  char out[PATH_MAX], struct cfs_inode *inode, struct cfs_err *err)
{
	int rc = locate_path(b, path, out, inode, err);

	return cfs_context(err, rc, "%s %s", what, path);
}
