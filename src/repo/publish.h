/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Publishing images under names, and removing names.
 */
#ifndef CFS_REPO_PUBLISH_H
#define CFS_REPO_PUBLISH_H

#include "repo/links.h"

/* Registers a durable object as an image, and creates or replaces the reference unless ref is NULL. Durable when it
 * returns. The repository is open for WRITE. -EEXIST: ref is a directory of references, or a part of it is a
 * reference. */
int cfs_repo_publish_image(struct cfs_repo *repo, const struct cfs_digest *id,
			   const char *ref, struct cfs_err *err) CFS_MUST_CHECK;

/* Removes a reference to an image ("refs/NAME" or NAME); the image stays until garbage collection. -ENOENT. */
int cfs_repo_untag(struct cfs_repo *repo, const char *name,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Removes a reference, and the directories that are empty then. -ENOENT. */
int cfs_repo_remove_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			const char *ref, struct cfs_err *err) CFS_MUST_CHECK;

#endif
