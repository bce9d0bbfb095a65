/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* layers: the layers of a container image, merged into one tree.
 * Owns:  whiteouts and opaque markers, their order within a layer, what replaces what.
 * Uses:  base, hash, tree, tar (entries).
 * Never: reads archives, stores contents, changes the merged tree (see profile for that).
 *
 * Source: OCI image specification 1.1, layer.md.
 *
 * Whiteouts act on the layers below, wherever they stand in their own layer. So each layer is
 * presented twice: cfs_layers_begin, cfs_layers_hide for each entry, then cfs_layers_add for
 * each entry. All entries are untrusted: paths are never resolved through symbolic links, and
 * a layer whose entry has a parent that is not a directory is refused.
 */
#ifndef CFS_LAYERS_H
#define CFS_LAYERS_H

#include "tar/tar.h"
#include "tree/tree.h"

/* Starts zeroed; zero is the default. */
struct cfs_layers_opts {
	enum cfs_hash_alg alg; /* of the digests of contents */
	bool in_order; /* interpret whiteouts where they stand, as composefs-rs does */
	bool strict_parents; /* refuse an entry whose parent has no entry, as composefs-rs does */
	const struct cfs_watch
		*watch; /* warnings; may be NULL, else outlives the merge */
};

struct cfs_layers;

/* Starts a merge with an empty root. *out is NULL on failure. -ENOMEM. */
int cfs_layers_new(const struct cfs_layers_opts *opts, struct cfs_layers **out,
		   struct cfs_err *err) CFS_MUST_CHECK;
void cfs_layers_free(struct cfs_layers *l); /* NULL is fine */

/* Begins the next layer above those before. name: for warnings; borrowed until the next
 * layer begins or the merge is finished. */
void cfs_layers_begin(struct cfs_layers *l, const char *name);

/* First pass: removes what the entry hides of the layers below, if it is a whiteout. */
int cfs_layers_hide(struct cfs_layers *l, const struct cfs_tar_entry *entry,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Second pass: adds an entry. inode: the inode of the entry, and for a regular file its
 * content or digest. -EINVAL, -ENOTDIR, -ENOENT...: the layer is refused; the message names
 * the entry. */
int cfs_layers_add(struct cfs_layers *l, const struct cfs_tar_entry *entry,
		   const struct cfs_inode_spec *inode,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Parent directories that no entry described, and that were added as 0755 0:0. */
uint64_t cfs_layers_count_implied(const struct cfs_layers *l);

/* Makes the merged tree. Frees the merge, whatever the result. */
int cfs_layers_finish(struct cfs_layers **l, struct cfs_tree **out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
