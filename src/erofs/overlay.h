/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Adds to a tree what composefs needs: xattrs for overlayfs, escapes for xattrs of the
 * input, marks for whiteouts.
 */
#ifndef CFS_EROFS_OVERLAY_H
#define CFS_EROFS_OVERLAY_H

#include "erofs/plan.h"

struct cfs_added_def {
	struct cfs_text key;
	struct cfs_text value;
};

/* The key and value of an xattr that the writer adds. Static. */
const struct cfs_added_def *cfs_overlay_added(enum cfs_added which);

/* A key of the input as the image stores it: the key itself, or an escaped copy in arena. The text
 * is NULL when there is no memory. */
struct cfs_text cfs_overlay_key(struct cfs_arena *arena, struct cfs_text key);

/* An iteration over the pairs of an inode, ascending by key: those of the tree, merged with those
 * that the writer adds. Private. */
struct cfs_pairs {
	const struct cfs_plan *plan;
	const struct cfs_node *node;
	uint32_t next; /* index in the xattrs of node */
	unsigned adds; /* still to come: a set of 1 << enum cfs_added */
};

/* Starts the iteration over the xattrs of an inode of the plan, those that the writer
 * adds included. */
struct cfs_pairs cfs_overlay_pairs(const struct cfs_plan *plan, cfs_id id);

/* The next pair; false at the end. */
bool cfs_overlay_next(struct cfs_pairs *pairs, cfs_pair *out);

/* The mode with type bits, and the size, as the image shows them. */
static inline uint32_t cfs_overlay_mode(const struct cfs_node *node,
					const struct cfs_plan_inode *inode)
{
	if (inode->flags & CFS_PLAN_WHITEOUT)
		return (node->mode & ~(uint32_t)S_IFMT) | S_IFREG;
	return node->mode;
}

static inline uint64_t cfs_overlay_size(const struct cfs_node *node,
					const struct cfs_plan_inode *inode)
{
	return inode->flags & CFS_PLAN_WHITEOUT ? 0 : node->size;
}

#endif
