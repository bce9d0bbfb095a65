/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a node to its number in an array of nodes: how hard links find their target
 * without a mark in the nodes, which several threads may be reading. */
#ifndef CFS_COMPAT_PTRMAP_H
#define CFS_COMPAT_PTRMAP_H

#include "compat/compat.h"

struct lcfs_ptrmap {
	struct lcfs_node_s *const *nodes;
	uint32_t *slots; /* open addressing; number + 1, 0 is free */
	size_t n_slots;
};

/* nodes is lent until the map is freed. -ENOMEM. */
int lcfs_ptrmap_init(struct lcfs_ptrmap *map, struct lcfs_node_s *const *nodes,
		     size_t n) CFS_MUST_CHECK;
void lcfs_ptrmap_fini(struct lcfs_ptrmap *map);
bool lcfs_ptrmap_find(const struct lcfs_ptrmap *map, const struct lcfs_node_s *node,
		      uint32_t *out);

#endif
