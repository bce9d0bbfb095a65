/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where an inode with several names stands. The numbers of inodes in an image depend on it, so a source in any order
 * must put it where a scan of the same directory has it: at the name that comes first, depth first and in byte order. */
#include "tree/tree_priv.h"

#include <errno.h>

/* A directory whose names are being visited. */
struct frame {
	cfs_id dir;
	uint32_t next;
};

struct visit {
	struct cfs_node *nodes;
	const cfs_id *children;
	cfs_id *heir; /* by the id of an inode: the node that it moved to, CFS_NO_NODE: none yet */
	struct frame *stack;
	size_t depth, cap;
};

static void count_names(struct cfs_builder *b)
{
	for (cfs_id id = 0; id < b->n_nodes; id++)
		if (!cfs_node_is_link(&b->nodes[id]))
			b->nodes[id].nlink = 1;
	for (cfs_id id = 0; id < b->n_nodes; id++)
		if (cfs_node_is_link(&b->nodes[id]))
			b->nodes[b->nodes[id].target].nlink++;
}

static int push_visited_dir(struct visit *v, cfs_id dir, struct cfs_err *err)
{
	if (cfs_grow(&v->stack, &v->cap, v->depth + 1, sizeof(*v->stack)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	v->stack[v->depth++] = (struct frame){.dir = dir};
	return 0;
}

/* A hard link before the inode itself: they change places. */
static void visit_link(struct visit *v, cfs_id id)
{
	struct cfs_node *link = &v->nodes[id], *inode = &v->nodes[link->target];
	cfs_id *heir = &v->heir[link->target];

	if (*heir == CFS_NO_NODE) {
		*heir = id;
		cfs_node_inherit(link, inode);
		inode->flags = CFS_NODE_LINK;
		inode->target = id;
	} else {
		link->target = *heir;
	}
}

static int visit_name(struct visit *v, cfs_id id, struct cfs_err *err)
{
	const struct cfs_node *n = &v->nodes[id];

	if (cfs_node_is_link(n) && v->heir[id] != CFS_NO_NODE)
		return 0; /* was the inode, and is a link already */
	if (cfs_node_is_link(n)) {
		visit_link(v, id);
		return 0;
	}
	v->heir[id] = id;
	return S_ISDIR(n->mode) ? push_visited_dir(v, id, err) : 0;
}

/* Goes through all names in the order of the writer, with a stack of its own: a tree
 * may be deeper than the stack of the process. */
static int visit_names(struct visit *v, struct cfs_err *err)
{
	int rc = push_visited_dir(v, CFS_ROOT, err);

	while (rc == 0 && v->depth) {
		struct frame *top = &v->stack[v->depth - 1];
		const struct cfs_node *dir = &v->nodes[top->dir];

		if (top->next == dir->n_children)
			v->depth--;
		else
			rc = visit_name(v, v->children[dir->first + top->next++], err);
	}
	return rc;
}

int cfs_settle_first_names(struct cfs_builder *b, const cfs_id *children,
			   struct cfs_err *err)
{
	struct visit v = {.nodes = b->nodes, .children = children};
	int rc;

	count_names(b);
	if (b->n_links == 0)
		return 0;
	v.heir = malloc((size_t)b->n_nodes * sizeof(*v.heir));
	if (!v.heir)
		return cfs_fail(err, ENOMEM, "out of memory");
	memset(v.heir, 0xff, (size_t)b->n_nodes * sizeof(*v.heir)); /* all CFS_NO_NODE */
	rc = visit_names(&v, err);
	free(v.heir);
	free(v.stack);
	return rc;
}
