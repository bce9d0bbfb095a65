/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers of a repository as the archives that they were, to be read. */
#ifndef CFS_CONTAINERS_LAYER_FEED_H
#define CFS_CONTAINERS_LAYER_FEED_H

#include "oci/oci.h"

struct cfs_repo;

/* An archive that is put together while it is read. */
struct cfs_layer_feed;

/* Objects are verified before their first byte is passed on. -ENOENT: the repository does not
 * have the layer. The repository and watch (may be NULL) must outlive the feed. */
int cfs_layer_feed_open(const struct cfs_repo *repo, const struct cfs_oci_digest *diff_id,
			const struct cfs_watch *watch, struct cfs_layer_feed **out,
			struct cfs_err *err) CFS_MUST_CHECK;
struct cfs_feed cfs_layer_feed_get(struct cfs_layer_feed *f);
void cfs_layer_feed_close(struct cfs_layer_feed *f); /* NULL is fine */

#endif
