/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Deep copies of trees of nodes, without recursion and with one lookup for each hard
 * link. */
#include "compat/compat.h"

#include <errno.h>

#include "compat/ptrmap.h"

/* One directory on the path: its copy, and how many children are copied. */
struct level {
	struct lcfs_node_s *from, *to;
	size_t next;
};

struct cloner {
	struct level *stack;
	size_t n_stack, stack_cap;
	struct lcfs_node_s **from, **to; /* all nodes, in pairs */
	size_t n, from_cap, to_cap;
	bool has_links;
};

static int record_pair(struct cloner *c, struct lcfs_node_s *from, struct lcfs_node_s *to)
{
	if (cfs_grow(&c->from, &c->from_cap, c->n + 1, sizeof(struct lcfs_node_s *)) <
		    0 ||
	    cfs_grow(&c->to, &c->to_cap, c->n + 1, sizeof(struct lcfs_node_s *)) < 0)
		return -ENOMEM;
	c->from[c->n] = from;
	c->to[c->n++] = to;
	return 0;
}

/* Copies one node, and pushes it on the stack if it has children. The caller owns the
 * copy. */
static struct lcfs_node_s *copy_node(struct cloner *c, struct lcfs_node_s *from)
{
	struct lcfs_node_s *to = lcfs_node_clone(from);

	if (!to)
		return NULL;
	c->has_links |= to->link_to != NULL;
	if (record_pair(c, from, to) < 0 ||
	    cfs_grow(&c->stack, &c->stack_cap, c->n_stack + 1, sizeof(*c->stack)) < 0) {
		lcfs_node_unref(to);
		return NULL;
	}
	if (lcfs_children_count(from))
		c->stack[c->n_stack++] = (struct level){from, to, 0};
	return to;
}

/* A stack on the heap: a tree can be deeper than the C stack of a caller's thread. On
 * failure the caller frees the copy as far as it exists. */
static int copy_children(struct cloner *c)
{
	while (c->n_stack) {
		struct level *top = &c->stack[c->n_stack - 1];
		struct lcfs_node_s *parent = top->to, *child, *copy;

		if (top->next == lcfs_children_count(top->from)) {
			c->n_stack--;
			continue;
		}
		child = lcfs_children_sorted(top->from)[top->next++];
		copy = copy_node(c, child);
		if (!copy)
			return -ENOMEM;
		if (lcfs_node_attach(parent, copy, cfs_text(child->name)) < 0) {
			lcfs_node_unref(copy);
			return -ENOMEM;
		}
	}
	return 0;
}

/* Makes hard links to nodes inside the tree refer to the copies. */
static int redirect_links(struct cloner *c)
{
	struct lcfs_ptrmap map;
	int rc;

	if (!c->has_links)
		return 0;
	rc = lcfs_ptrmap_init(&map, c->from, c->n);
	for (size_t i = 0; rc == 0 && i < c->n; i++) {
		struct lcfs_node_s *to = c->to[i];
		uint32_t target;

		if (to->link_to && lcfs_ptrmap_find(&map, to->link_to, &target))
			lcfs_node_link_to(to, c->to[target]);
	}
	lcfs_ptrmap_fini(&map);
	return rc;
}

struct lcfs_node_s *lcfs_node_clone_deep(struct lcfs_node_s *node)
{
	struct cloner c = {0};
	struct lcfs_node_s *root = copy_node(&c, node);
	int rc = root ? copy_children(&c) : -ENOMEM;

	if (rc == 0)
		rc = redirect_links(&c);
	free(c.stack);
	free(c.from);
	free(c.to);
	if (rc == 0)
		return root;
	lcfs_node_unref(root);
	errno = ENOMEM;
	return NULL;
}
