/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A hash table of pointers. */
#include "compat/ptrmap.h"

#include <errno.h>

#include "hash/hash.h"

static size_t first_slot(const struct lcfs_ptrmap *map, const struct lcfs_node_s *node)
{
	return cfs_hash64(&node, sizeof(node), 0) & (map->n_slots - 1);
}

int lcfs_ptrmap_init(struct lcfs_ptrmap *map, struct lcfs_node_s *const *nodes, size_t n)
{
	size_t n_slots = 64;

	while (n_slots < n * 2)
		n_slots *= 2;
	*map = (struct lcfs_ptrmap){nodes, calloc(n_slots, sizeof(*map->slots)), n_slots};
	if (!map->slots || n >= UINT32_MAX)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		size_t s = first_slot(map, nodes[i]);

		while (map->slots[s])
			s = (s + 1) & (n_slots - 1);
		map->slots[s] = (uint32_t)i + 1;
	}
	return 0;
}

void lcfs_ptrmap_fini(struct lcfs_ptrmap *map)
{
	free(map->slots);
	map->slots = NULL;
}

bool lcfs_ptrmap_find(const struct lcfs_ptrmap *map, const struct lcfs_node_s *node,
		      uint32_t *out)
{
	for (size_t s = first_slot(map, node); map->slots[s];
	     s = (s + 1) & (map->n_slots - 1)) {
		if (map->nodes[map->slots[s] - 1] == node) {
			*out = map->slots[s] - 1;
			return true;
		}
	}
	return false;
}
