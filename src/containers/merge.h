/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The tree of a container image, merged from layers that the repository has. */
#ifndef CFS_CONTAINERS_MERGE_H
#define CFS_CONTAINERS_MERGE_H

#include "oci/oci.h"
#include "profile/profile.h"
#include "tree/tree.h"

struct cfs_repo;

/* Starts zeroed; zero is the default. */
struct cfs_containers_merge {
	bool keep_user_xattrs; /* beside security.capability, which is always kept */
	bool bootable;	       /* empty /boot and /sysroot, label for SELinux */
	bool in_order; /* apply whiteouts in the order of the archive, as composefs-rs does */
	bool strict_parents;
	bool own_root; /* the root keeps the metadata of its entry, else 0755 0:0 */
	const struct cfs_watch *watch; /* may be NULL */
};

/* The rules of images of containers in this repository: those of the profile oci-1, with the
 * algorithm and the image format of the repository. */
int cfs_containers_make_rules(const struct cfs_repo *repo,
			      const struct cfs_containers_merge *opts,
			      struct cfs_profile_rules *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* Merges layers, lowest first, and applies the rules. -ENOENT: a layer is missing; else as
 * cfs_containers_read_layer, cfs_layers_add and cfs_profile_apply. *out is the caller's. */
int cfs_containers_merge_tree(const struct cfs_repo *repo,
			      const struct cfs_oci_digest *diff_ids, size_t n_layers,
			      const struct cfs_containers_merge *opts,
			      struct cfs_tree **out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
