/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checking container images of a repository, and adding single layers. */
#ifndef CFS_CONTAINERS_CHECK_H
#define CFS_CONTAINERS_CHECK_H

#include "oci/oci.h"

struct cfs_repo;

/* Checks a container image, by its name, as far as it can be checked: manifest and configuration
 * against their digests; each layer, read as a whole, against its diff_id; the image, made
 * again from the layers by the default rules, against the recorded ID. fault is called with a
 * sentence for each thing that is wrong. 0: the check ended, *n_faults tells with what. -ENOENT,
 * -ENOTUNIQ: as cfs_container_open; other -errno: it could not be done. */
int cfs_containers_check(const struct cfs_repo *repo, const char *name,
			 void (*fault)(void *ctx, const char *sentence), void *ctx,
			 const struct cfs_watch *watch, size_t *n_faults,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a layer from an archive, compressed or not, under its diff_id. The repository is open for
 * WRITE. -EILSEQ: the archive has another digest; else as cfs_containers_write_layer. */
int cfs_containers_import_layer(struct cfs_repo *repo, struct cfs_feed from,
				const struct cfs_oci_digest *diff_id,
				const struct cfs_watch *watch,
				struct cfs_err *err) CFS_MUST_CHECK;

#endif
