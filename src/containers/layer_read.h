/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers of a repository, entry by entry: archives whose larger contents are objects. */
#ifndef CFS_CONTAINERS_LAYER_READ_H
#define CFS_CONTAINERS_LAYER_READ_H

#include "oci/oci.h"
#include "tar/tar.h"

struct cfs_repo;

/* Called for each entry. inode: that of the entry, and for a regular file its content or
 * digest and payload; NULL when contents were not asked for. Borrowed for the call. */
typedef int (*cfs_containers_entry_fn)(void *ctx, const struct cfs_tar_entry *entry,
				       const struct cfs_inode_spec *inode,
				       struct cfs_err *err);

/* Reads the layer with this diff_id. contents: pass the inode; else contents are not read at
 * all. The bytes are not compared with diff_id. -ENOENT: the repository does not have the
 * layer; -EUCLEAN: its stream is damaged, or an object is missing or has another size than its
 * entry; else as cfs_tar_next and fn. */
int cfs_containers_read_layer(const struct cfs_repo *repo,
			      const struct cfs_oci_digest *diff_id, bool contents,
			      cfs_containers_entry_fn fn, void *ctx,
			      const struct cfs_watch *watch,
			      struct cfs_err *err) CFS_MUST_CHECK;

#endif
