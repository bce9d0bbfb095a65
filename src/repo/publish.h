/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Publishing images and streams under names, and removing names.
 */
#ifndef CFS_REPO_PUBLISH_H
#define CFS_REPO_PUBLISH_H

#include "repo/links.h"

/* A first-level link, and perhaps a reference to it. */
struct cfs_repo_link {
	enum cfs_repo_kind kind;
	struct cfs_digest id; /* the object */
	const char
		*name; /* first-level name of a stream; NULL for an image, named by ID */
	const char *ref; /* "refs/NAME", NAME, or NULL for no reference */
	/* A stream may get another object. The caller made sure that nothing needs the old
	 * one: streams that refer to it do so by the ID of the object. */
	bool replaces;
};

/* Creates the first-level link, then creates or replaces the reference. Each link and its
 * directories are on disk before the next link is created, and all are when this returns.
 * The caller made the object and all that it refers to durable before (cfs_store_commit),
 * and opened the repository for WRITE.
 * -EINVAL: an invalid name, or an ID of another algorithm. -EEXIST: ref is a directory of
 * references, a part of ref is a reference, or the stream exists with another object,
 * which other streams may refer to by its ID. */
int cfs_repo_publish(struct cfs_repo *repo, const struct cfs_repo_link *link,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Removes a reference ("refs/NAME" or NAME) whose name is valid; the image or stream
 * stays until garbage collection.
 * -ENOENT: no such reference. */
int cfs_repo_untag(struct cfs_repo *repo, enum cfs_repo_kind kind, const char *name,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* The same for any reference that cfs_repo_list_refs lists, by its name in the list. */
int cfs_repo_remove_ref(const struct cfs_repo *repo, enum cfs_repo_kind kind,
			const char *ref, struct cfs_err *err) CFS_MUST_CHECK;

#endif
