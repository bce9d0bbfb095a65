/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What images and indexes of a repository share. */
#ifndef CFS_CONTAINERS_CONTAINER_PRIV_H
#define CFS_CONTAINERS_CONTAINER_PRIV_H

#include "containers/container.h"

/* find.c: Finds the manifest or index that a name means: "@DIGEST", a tag, or, where no tag has
 * that name, a digest without "@". CFS_HASH_PREFIX_MIN digits of a digest are enough. -EINVAL:
 * not a valid name; -ENOENT; -ENOTUNIQ: several have these digits; -EUCLEAN: the tag is the link
 * to something else than a manifest or an index. */
int containers_find_name(const struct cfs_repo *repo, const char *name, bool *is_index,
			 struct cfs_oci_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads a document, "oci-KIND-DIGEST", and compares its bytes with the digest: -EUCLEAN.
 * free(json->p) is the caller's, also after an error. */
int containers_read_checked(const struct cfs_repo *repo, const char *kind,
			    const char *type, size_t max,
			    const struct cfs_oci_digest *digest, struct cfs_mem *json,
			    struct cfs_digest *stream,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
