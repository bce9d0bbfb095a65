/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The objects that an image refers to. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "repo/repo_priv.h"

/* Parses "xx/REST", perhaps after slashes, as the kernel looks it up in a data layer. */
static bool parse_inode_object_path(struct cfs_text path, struct cfs_digest *out)
{
	char hex[CFS_DIGEST_HEX_MAX];
	size_t len = cfs_hash_len(out->alg);

	while (path.len && path.s[0] == '/')
		path = (struct cfs_text){path.s + 1, path.len - 1};
	if (path.len != 2 * len + 1 || path.s[2] != '/')
		return false;
	memcpy(hex, path.s, 2);
	memcpy(hex + 2, path.s + 3, 2 * len - 2);
	return cfs_hex_decode((struct cfs_text){hex, 2 * len}, out->bytes, len);
}

static int add_inode_object(const struct cfs_image *im, const struct cfs_inode *inode,
			    struct cfs_ids *out, struct cfs_err *err)
{
	struct cfs_digest id = {.alg = out->alg};
	struct cfs_text path;
	int rc = cfs_image_read_backing(im, inode, &path, err);

	if (rc == 0 && parse_inode_object_path(path, &id))
		rc = cfs_ids_add(out, id.bytes, err);
	return rc;
}

int cfs_repo_list_image_objects(const struct cfs_image *im, const struct cfs_watch *watch,
				struct cfs_ids *out, uint64_t *n_entries,
				struct cfs_err *err)
{
	const struct cfs_walk_opts everything = {.watch = watch};
	cfs_auto_walk struct cfs_walk *walk = NULL;
	const struct cfs_walk_entry *e;
	int rc = cfs_walk_new(im, &everything, &walk, err);
	uint64_t n = 0;

	for (; rc >= 0 && (rc = cfs_walk_next(walk, &e, err)) > 0; n++)
		if (e->inode.external && !e->again)
			rc = add_inode_object(im, &e->inode, out, err);
	if (n_entries)
		*n_entries = n;
	return rc;
}

int cfs_repo_find_inode_object(const struct cfs_repo *repo, const struct cfs_image *im,
			       const struct cfs_inode *inode, struct cfs_digest *out,
			       struct cfs_err *err)
{
	struct cfs_text path;
	int rc = cfs_image_read_backing(im, inode, &path, err);

	*out = (struct cfs_digest){.alg = repo->meta.alg};
	if (rc == 0 && !parse_inode_object_path(path, out))
		rc = cfs_fail(
			err, EUCLEAN,
			"its backing path is not that of an object of this repository");
	return rc;
}
