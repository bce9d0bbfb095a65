/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers of a repository, compared with their digests. */
#ifndef CFS_CONTAINERS_LAYER_CHECK_H
#define CFS_CONTAINERS_LAYER_CHECK_H

#include "oci/oci.h"

struct cfs_repo;

/* Whether the repository has the layer: 1; 0: there is no stream of its name; -EUCLEAN: there
 * is, but it cannot be used: the stream is damaged, objects are missing or have another size
 * than their entries, or with_digest, the bytes have another digest than diff_id. Other -errno:
 * that could not be found out. */
int cfs_containers_check_layer(const struct cfs_repo *repo,
			       const struct cfs_oci_digest *diff_id, bool with_digest,
			       const struct cfs_watch *watch,
			       struct cfs_err *err) CFS_MUST_CHECK;

#endif
