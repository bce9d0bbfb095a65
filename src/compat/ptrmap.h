/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* compat/ptrmap: maps a node to its index in an array of nodes. Hard links find their
 * target by it, without a mark in the nodes, which several threads may be reading. */
#ifndef CFS_COMPAT_PTRMAP_H
#define CFS_COMPAT_PTRMAP_H

#include "compat/compat.h"

struct lcfs_ptrmap {
	struct lcfs_node_s *const *nodes;
	uint32_t *slots; /* open addressing; index + 1, 0 is free */
	size_t n_slots;
};

/* nodes is borrowed until the map is freed. -ENOMEM. */
int lcfs_ptrmap_init(struct lcfs_ptrmap *map, struct lcfs_node_s *const *nodes,
		     size_t n) CFS_MUST_CHECK;
void lcfs_ptrmap_fini(struct lcfs_ptrmap *map);
bool lcfs_ptrmap_find(const struct lcfs_ptrmap *map, const struct lcfs_node_s *node,
		      uint32_t *out);

#endif
