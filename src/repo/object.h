/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Objects of a repository: opened by ID and verified, and the objects that an image
 * refers to.
 */
#ifndef CFS_REPO_OBJECT_H
#define CFS_REPO_OBJECT_H

#include "erofs/erofs.h"
#include "repo/ids.h"
#include "verity/verity.h"

struct cfs_repo;

/* How an object is verified when it is opened. In a secure repository, the kernel's
 * fs-verity digest is compared in either case. */
enum cfs_repo_trust {
	CFS_REPO_SEALED, /* in an insecure repository: not at all */
	CFS_REPO_PROVEN, /* in an insecure repository: the file is read and its digest computed */
	/* The same, unless that was done before in this boot and the file has not changed since (proven.c). */
	CFS_REPO_PROVEN_BEFORE,
};

/* Opens an object for reading; returns the descriptor. -ENOENT: no such object; -EILSEQ:
 * wrong digest; -ENOTTY: no fs-verity; -EUCLEAN: not a regular file. */
int cfs_repo_open_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			 enum cfs_repo_trust trust, struct cfs_err *err) CFS_MUST_CHECK;

/* Opens a regular file beneath dirfd without verifying it. -ENOENT; -EUCLEAN: another
 * type of file. */
int cfs_repo_open_unverified(int dirfd, const char *path,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Maps an image or a splitstream, verified (CFS_REPO_PROVEN). Free it with
 * cfs_map_close. */
int cfs_repo_map_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Whether the object exists as a regular file: 1; 0 (ENOENT only); -EUCLEAN if it is
 * another type of file; other
 * -errno if that could not be found out. */
int cfs_repo_has_object(const struct cfs_repo *repo, const struct cfs_digest *id,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same, with the size of the file in bytes. */
int cfs_repo_get_object_size(const struct cfs_repo *repo, const struct cfs_digest *id,
			     uint64_t *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Parses the path prefix/name below objects/; lower case only. */
bool cfs_repo_parse_object_name(const char *prefix, const char *name,
				enum cfs_hash_alg alg, struct cfs_digest *out);

/* Adds the IDs of all objects that an image refers to; out is not settled. Files whose
 * backing path is not that of an object are skipped. n_entries: the number of names in
 * the image, the root included; may be NULL, as watch. -EUCLEAN: the image is damaged; -ECANCELED. */
int cfs_repo_list_image_objects(const struct cfs_image *im, const struct cfs_watch *watch,
				struct cfs_ids *out, uint64_t *n_entries,
				struct cfs_err *err) CFS_MUST_CHECK;

/* The object of one file with external content. -EUCLEAN: its backing path is not that of
 * an object. */
int cfs_repo_find_inode_object(const struct cfs_repo *repo, const struct cfs_image *im,
			       const struct cfs_inode *inode, struct cfs_digest *out,
			       struct cfs_err *err) CFS_MUST_CHECK;

#endif
