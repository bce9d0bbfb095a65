/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Adding objects and images to a repository.
 */
#ifndef CFS_REPO_ADD_H
#define CFS_REPO_ADD_H

#include "erofs/erofs.h"
#include "store/store.h"
#include "tree/tree.h"

struct cfs_repo;

/* Opens the objects of the repository as a store. -EROFS, -EACCES: the caller cannot
 * write there. alg, require_verity and the callbacks
 * of opts are set here. Close it before the repository. */
int cfs_repo_open_store(const struct cfs_repo *repo, const struct cfs_store_opts *opts,
			struct cfs_store **out, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds the image of a tree to the store; durable after cfs_store_commit. -ENOTSUP: form
 * is of a version that cannot be written; else as cfs_plan_new and the store. */
int cfs_repo_add_tree(const struct cfs_repo *repo, struct cfs_store *store,
		      const struct cfs_tree *tree, const struct cfs_image_opts *form,
		      struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Objects that an image refers to and the repository does not have. */
struct cfs_repo_missing {
	size_t n;
	struct cfs_digest first; /* if n > 0 */
};

/* Adds the bytes of an image after checking them: -EINVAL, -ENOTSUP, -EUCLEAN as by
 * cfs_image_open and cfs_image_check. Missing objects are not a failure. */
int cfs_repo_add_image(const struct cfs_repo *repo, struct cfs_store *store,
		       struct cfs_span bytes, struct cfs_digest *out,
		       struct cfs_repo_missing *missing,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
