/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Names of a tree under construction by (parent, name). Input in order never needs this:
 * it is made at the first lookup that the order of names cannot answer, and kept up from
 * then on.
 */
#include "tree/tree_priv.h"

#include <errno.h>

static uint64_t hash_name(const struct cfs_builder *b, cfs_id parent,
			  struct cfs_text name)
{
	return cfs_hash64(name.s, name.len,
			  b->seed + parent * UINT64_C(0x9e3779b97f4a7c15));
}

static void enter(struct cfs_builder *b, cfs_id id)
{
	const struct cfs_node *n = &b->nodes[id];
	struct cfs_name_index *x = &b->index;
	size_t s = hash_name(b, n->parent, cfs_node_name(n));

	while (x->slots[s &= x->n_slots - 1] != CFS_NO_NODE)
		s++;
	x->slots[s] = id;
	x->n_used++;
}

/* A table with room for twice the nodes there are, all of them (but the root) entered. */
static int rebuild(struct cfs_builder *b, struct cfs_err *err)
{
	struct cfs_name_index *x = &b->index;
	size_t n_slots = 1024;
	cfs_id *slots;

	while (n_slots < (size_t)b->n_nodes * 4)
		n_slots *= 2;
	slots = malloc(n_slots * sizeof(*slots));
	if (!slots)
		return cfs_fail(err, ENOMEM, "out of memory");
	memset(slots, 0xff, n_slots * sizeof(*slots));
	free(x->slots);
	*x = (struct cfs_name_index){slots, n_slots, 0};
	for (cfs_id id = CFS_ROOT + 1; id < b->n_nodes; id++)
		enter(b, id);
	return 0;
}

int cfs_index_add(struct cfs_builder *b, cfs_id id, struct cfs_err *err)
{
	if (!b->index.slots)
		return 0;
	if ((b->index.n_used + 1) * 2 > b->index.n_slots)
		return rebuild(b, err);
	enter(b, id);
	return 0;
}

int cfs_index_find(struct cfs_builder *b, cfs_id dir, struct cfs_text name, cfs_id *out,
		   struct cfs_err *err)
{
	struct cfs_name_index *x = &b->index;

	if (!x->slots) {
		int rc = rebuild(b, err);

		if (rc < 0)
			return rc;
	}
	for (size_t s = hash_name(b, dir, name);; s++) {
		cfs_id id = x->slots[s &= x->n_slots - 1];

		*out = id;
		if (id == CFS_NO_NODE ||
		    (b->nodes[id].parent == dir &&
		     cfs_text_eq(cfs_node_name(&b->nodes[id]), name)))
			return 0;
	}
}
