/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers of a repository as the archives that they were, bit for bit. */
#ifndef CFS_CONTAINERS_LAYER_EMIT_H
#define CFS_CONTAINERS_LAYER_EMIT_H

#include "oci/oci.h"

struct cfs_repo;

/* Called from time to time with the number of bytes since the last call. */
struct cfs_emit_progress {
	void (*add)(void *ctx, uint64_t n);
	void *ctx;
};

/* Writes the uncompressed bytes of the layer with this diff_id, and compares their digest with it
 * at the end. progress and watch may be NULL. -ENOENT: the repository does not have the layer;
 * -EUCLEAN: its stream or an object is damaged; else as the sink. */
int cfs_containers_emit_layer(const struct cfs_repo *repo,
			      const struct cfs_oci_digest *diff_id, struct cfs_sink to,
			      const struct cfs_emit_progress *progress,
			      const struct cfs_watch *watch,
			      struct cfs_err *err) CFS_MUST_CHECK;

#endif
