/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Removal of names while a tree is built, as a layer removes names of the layers below it. A node is only marked;
 * freezing takes marked nodes, and everything below them, out of the arrays. */
#include "tree/tree_priv.h"

#include <errno.h>

int cfs_builder_remove(struct cfs_builder *b, cfs_id id, struct cfs_err *err)
{
	if (id == CFS_ROOT)
		return cfs_fail(err, EINVAL, "the root cannot be removed");
	if (!(b->nodes[id].flags & CFS_NODE_REMOVED))
		b->n_removed++;
	b->nodes[id].flags |= CFS_NODE_REMOVED;
	return 0;
}

/* The names leave the list of the directory as well, so that removing many of them takes no time. Freezing
 * finds them by their mark. */
int cfs_builder_remove_children(struct cfs_builder *b, cfs_id dir, struct cfs_err *err)
{
	struct cfs_node *d = &b->nodes[dir];

	if (cfs_node_is_link(d) || !S_ISDIR(d->mode))
		return cfs_fail(err, ENOTDIR, "expected a directory");
	for (cfs_id id = d->first; id != CFS_NO_NODE; id = b->nodes[id].next) {
		b->n_removed += !(b->nodes[id].flags & CFS_NODE_REMOVED);
		b->nodes[id].flags |= CFS_NODE_REMOVED;
	}
	d->first = CFS_NO_NODE;
	d->last = CFS_NO_NODE;
	d->flags &= (uint8_t)~CFS_NODE_UNSORTED;
	return 0;
}

bool cfs_builder_has_children(const struct cfs_builder *b, cfs_id dir)
{
	const struct cfs_node *d = &b->nodes[dir];
	cfs_id id = cfs_node_is_link(d) || !S_ISDIR(d->mode) ? CFS_NO_NODE : d->first;

	while (id != CFS_NO_NODE && b->nodes[id].flags & CFS_NODE_REMOVED)
		id = b->nodes[id].next;
	return id != CFS_NO_NODE;
}

/* A parent has a lower id than its children, so one pass finds everything below removed nodes. */
static bool *find_removed(const struct cfs_builder *b)
{
	bool *gone = calloc(b->n_nodes, sizeof(*gone));

	for (cfs_id id = 1; gone && id < b->n_nodes; id++)
		gone[id] = (b->nodes[id].flags & CFS_NODE_REMOVED) ||
			   gone[b->nodes[id].parent];
	return gone;
}

void cfs_node_inherit(struct cfs_node *link, const struct cfs_node *inode)
{
	struct cfs_node name = *link;

	*link = *inode;
	link->name = name.name;
	link->name_len = name.name_len;
	link->parent = name.parent;
	link->next = CFS_NO_NODE;
	link->flags = 0;
}

static void drop_link(struct cfs_node *inode)
{
	if (inode->nlink > 1)
		inode->nlink--;
}

/* Subtracts removed names from link counts, and moves an inode whose first name was removed to the first name that
 * stays. heir: by the id of a removed inode, the node that it moved to; CFS_NO_NODE so far. */
static void settle_links(struct cfs_builder *b, const bool *gone, cfs_id *heir)
{
	struct cfs_node *nodes = b->nodes;

	for (cfs_id id = 1; id < b->n_nodes; id++)
		if (gone[id] && cfs_node_is_link(&nodes[id]))
			drop_link(&nodes[nodes[id].target]);
	for (cfs_id id = 1; id < b->n_nodes; id++) {
		struct cfs_node *n = &nodes[id];
		cfs_id inode;

		if (gone[id] || !cfs_node_is_link(n) || !gone[n->target])
			continue;
		inode = n->target;
		if (heir[inode] != CFS_NO_NODE) {
			n->target = heir[inode];
			continue;
		}
		heir[inode] = id;
		cfs_node_inherit(n, &nodes[inode]);
		drop_link(n);
	}
}

/* Takes removed nodes out of the array of children; ranges keep their order. */
static void squeeze_children(struct cfs_builder *b, const bool *gone, cfs_id *children)
{
	uint32_t used = 0;

	for (cfs_id id = 0; id < b->n_nodes; id++) {
		struct cfs_node *n = &b->nodes[id];
		uint32_t first = used;

		if (cfs_node_is_link(n) || !S_ISDIR(n->mode))
			continue;
		for (uint32_t i = 0; i < n->n_children; i++) {
			cfs_id child = children[n->first + i];

			if (!gone[id] && !gone[child])
				children[used++] = child;
		}
		n->first = first;
		n->n_children = used - first;
	}
	for (uint32_t i = used; i < b->n_nodes; i++)
		children[i] = CFS_NO_NODE;
}

/* Moves the nodes that stay together and updates all references. new_id: by old id. */
static void renumber_nodes(struct cfs_builder *b, const bool *gone, const cfs_id *new_id,
			   cfs_id *children)
{
	uint32_t n = 0;

	for (cfs_id id = 0; id < b->n_nodes; id++) {
		struct cfs_node node = b->nodes[id];

		if (gone[id])
			continue;
		node.parent = new_id[node.parent];
		if (cfs_node_is_link(&node))
			node.target = new_id[node.target];
		b->nodes[n++] = node;
	}
	for (uint32_t i = 0; i + 1 < n; i++)
		children[i] = new_id[children[i]];
	b->n_nodes = n;
}

int cfs_drop_removed(struct cfs_builder *b, cfs_id *children, struct cfs_err *err)
{
	cfs_autofree cfs_id *map = malloc((size_t)b->n_nodes * sizeof(*map));
	cfs_autofree bool *gone = find_removed(b);
	cfs_id n = 0;

	if (!map || !gone)
		return cfs_fail(err, ENOMEM, "out of memory");
	memset(map, 0xff, (size_t)b->n_nodes * sizeof(*map)); /* all CFS_NO_NODE */
	settle_links(b, gone, map);
	squeeze_children(b, gone, children);
	for (cfs_id id = 0; id < b->n_nodes; id++)
		map[id] = gone[id] ? CFS_NO_NODE : n++;
	renumber_nodes(b, gone, map, children);
	return 0;
}
