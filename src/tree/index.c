/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Index of the names of a tree under construction, by (parent, name). Sorted input never
 * needs it: it is made by the first lookup that the order of names cannot answer, and updated
 * from then on.
 */
#include "tree/tree_priv.h"

#include <errno.h>

static uint64_t hash_child_name(const struct cfs_builder *b, cfs_id parent,
				struct cfs_text name)
{
	return cfs_hash64(name.s, name.len,
			  b->seed + parent * UINT64_C(0x9e3779b97f4a7c15));
}

/* The part of the hash that a slot stores: most lookups skip other nodes without loading their
 * names, and a larger table is filled without hashing names again. */
static uint32_t hash_name32(const struct cfs_builder *b, cfs_id parent,
			    struct cfs_text name)
{
	return (uint32_t)hash_child_name(b, parent, name);
}

static void insert_name_slot(struct cfs_name_index *x, uint32_t hash, cfs_id id)
{
	size_t s = hash;

	while (x->slots[s &= x->n_slots - 1].id != CFS_NO_NODE)
		s++;
	x->slots[s] = (struct cfs_name_slot){hash, id};
	x->n_used++;
}

static bool alloc_slots(struct cfs_name_index *x, size_t n_slots)
{
	struct cfs_name_slot *slots = malloc(n_slots * sizeof(*slots));

	if (!slots)
		return false;
	memset(slots, 0xff, n_slots * sizeof(*slots)); /* all CFS_NO_NODE */
	*x = (struct cfs_name_index){slots, n_slots, 0};
	return true;
}

/* Doubles the number of slots. */
static int grow_index(struct cfs_builder *b, struct cfs_err *err)
{
	struct cfs_name_index old = b->index;

	if (!alloc_slots(&b->index, old.n_slots * 2))
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t s = 0; s < old.n_slots; s++)
		if (old.slots[s].id != CFS_NO_NODE)
			insert_name_slot(&b->index, old.slots[s].hash, old.slots[s].id);
	free(old.slots);
	return 0;
}

/* Makes the first table, with all nodes except the root, which has no name. */
static int build_index(struct cfs_builder *b, struct cfs_err *err)
{
	size_t n_slots = 1024;

	while (n_slots < (size_t)b->n_nodes * 2)
		n_slots *= 2;
	if (!alloc_slots(&b->index, n_slots))
		return cfs_fail(err, ENOMEM, "out of memory");
	for (cfs_id id = CFS_ROOT + 1; id < b->n_nodes; id++) {
		const struct cfs_node *n = &b->nodes[id];

		insert_name_slot(&b->index, hash_name32(b, n->parent, cfs_node_name(n)),
				 id);
	}
	return 0;
}

int cfs_index_add(struct cfs_builder *b, cfs_id id, struct cfs_err *err)
{
	const struct cfs_node *n = &b->nodes[id];
	struct cfs_name_index *x = &b->index;

	if (!x->slots)
		return 0;
	if (x->n_used >= x->n_slots / 4 * 3) {
		int rc = grow_index(b, err);

		if (rc < 0)
			return rc;
	}
	insert_name_slot(x, hash_name32(b, n->parent, cfs_node_name(n)), id);
	return 0;
}

static bool is_child(const struct cfs_node *n, cfs_id dir, struct cfs_text name)
{
	return n->parent == dir && !(n->flags & CFS_NODE_REMOVED) &&
	       cfs_text_eq(cfs_node_name(n), name);
}

int cfs_index_find(struct cfs_builder *b, cfs_id dir, struct cfs_text name, cfs_id *out,
		   struct cfs_err *err)
{
	struct cfs_name_index *x = &b->index;
	uint32_t hash = hash_name32(b, dir, name);

	if (!x->slots) {
		int rc = build_index(b, err);

		if (rc < 0)
			return rc;
	}
	for (size_t s = hash;; s++) {
		struct cfs_name_slot slot = x->slots[s &= x->n_slots - 1];

		*out = slot.id;
		if (slot.id == CFS_NO_NODE ||
		    (slot.hash == hash && is_child(&b->nodes[slot.id], dir, name)))
			return 0;
	}
}
