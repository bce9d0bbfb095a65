/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Nodes: references, tree, hard links. */
#include "compat/compat.h"

#include <errno.h>

/* --- references --------------------------------------------------------------------- */

struct lcfs_node_s *lcfs_node_new(void)
{
	struct lcfs_node_s *node = calloc(1, sizeof(*node));

	if (!node)
		return NULL;
	node->ref_count = 1;
	node->nlink = 1;
	return node;
}

struct lcfs_node_s *lcfs_node_ref(struct lcfs_node_s *node)
{
	node->ref_count++;
	return node;
}

/* Nodes to be dissolved: a stack linked by their parent fields, which are no longer
 * needed. A tree of any depth is freed without recursion. */
static void push_node(struct lcfs_node_s **stack, struct lcfs_node_s *node)
{
	node->parent = *stack;
	*stack = node;
}

/* How many hard links to node are below it? 0 if out of memory. */
static int count_links_below(const struct lcfs_node_s *node)
{
	const struct lcfs_node_s **todo = NULL;
	size_t n = 0, cap = 0;
	int found = 0;

	do {
		const struct lcfs_node_s *at = n ? todo[--n] : node;
		const struct lcfs_children *c = at->children;

		found += at->link_to == node;
		if (c &&
		    cfs_grow(&todo, &cap, n + c->n, sizeof(struct lcfs_node_s *)) < 0) {
			free(todo);
			return 0;
		}
		for (size_t i = 0; c && i < c->n; i++)
			todo[n++] = c->v[i];
	} while (n);
	free(todo);
	return found;
}

/* Returns true if a tree is referenced only by hard links inside it. */
static bool holds_itself(const struct lcfs_node_s *node)
{
	return node->ref_count == node->n_links && !node->name &&
	       lcfs_children_count(node) && count_links_below(node) == node->n_links;
}

/* Drops a reference, and pushes the node on the stack with the last one. The references
 * of a parent and of hard links cannot be dropped by others, except when the tree is
 * referenced only by hard links inside it. */
static void drop_reference(struct lcfs_node_s **stack, struct lcfs_node_s *node)
{
	int held = node->n_links + (node->name ? 1 : 0);

	if (node->ref_count == held)
		return;
	if (node->ref_count == 1) {
		push_node(stack, node);
		return;
	}
	node->ref_count--;
	if (!holds_itself(node))
		return;
	node->ref_count++; /* for the stack: dissolving its children drops those links */
	push_node(stack, node);
}

/* Removes the target of a hard link, and the reference to it. */
static void drop_target(struct lcfs_node_s **stack, struct lcfs_node_s *link)
{
	struct lcfs_node_s *target = cfs_steal(&link->link_to);

	if (!target)
		return;
	target->n_links--;
	drop_reference(stack, target);
}

static void push_children(struct lcfs_node_s **stack, struct lcfs_node_s *node)
{
	struct lcfs_children *c = cfs_steal(&node->children);

	for (size_t i = 0; c && i < c->n; i++) {
		free(cfs_steal(&c->v[i]->name));
		push_node(stack, c->v[i]);
	}
	lcfs_children_free(c);
}

static void free_node(struct lcfs_node_s *node)
{
	lcfs_xattrs_fini(node);
	lcfs_blob_unref(node->payload);
	free(node->content);
	free(node);
}

/* Unlinks all descendants of the nodes on the stack, and frees those without references.
 * A descendant with references loses its children as well. The stack holds the reference
 * of the former parent of a node, or its last one. */
static void dissolve_trees(struct lcfs_node_s *stack)
{
	while (stack) {
		struct lcfs_node_s *node = stack;

		stack = node->parent;
		node->parent = NULL;
		push_children(&stack, node);
		if (--node->ref_count > 0)
			continue;
		drop_target(&stack, node);
		free_node(node);
	}
}

void lcfs_node_unref(struct lcfs_node_s *node)
{
	struct lcfs_node_s *stack = NULL;

	if (!node)
		return;
	drop_reference(&stack, node);
	dissolve_trees(stack);
}

/* All but the name, the children and the hard link. On failure to is incomplete, and its
 * owner frees it as usual. */
static int copy_data(struct lcfs_node_s *to, const struct lcfs_node_s *from)
{
	to->mode = from->mode;
	to->nlink = from->nlink;
	to->uid = from->uid;
	to->gid = from->gid;
	to->rdev = from->rdev;
	to->size = from->size;
	to->mtime = from->mtime;
	to->has_digest = from->has_digest;
	to->bad_link = from->bad_link;
	memcpy(to->digest, from->digest, sizeof(to->digest));
	if (from->payload)
		to->payload = lcfs_blob_ref(from->payload);
	if (from->content) {
		to->content = malloc(from->size);
		if (!to->content)
			return -ENOMEM;
		memcpy(to->content, from->content, from->size);
	}
	return lcfs_xattrs_copy(to, from);
}

struct lcfs_node_s *lcfs_node_clone(struct lcfs_node_s *node)
{
	struct lcfs_node_s *copy = lcfs_node_new();

	if (!copy)
		return NULL;
	if (copy_data(copy, node) < 0) {
		lcfs_node_unref(copy);
		lcfs_fail(-ENOMEM);
		return NULL;
	}
	if (node->link_to)
		lcfs_node_link_to(copy, node->link_to);
	return copy;
}

/* --- the tree ----------------------------------------------------------------------- */

bool lcfs_node_dirp(struct lcfs_node_s *node)
{
	return S_ISDIR(node->mode);
}

/* Returns true if child is parent or one of its ancestors. Only a node with children can
 * be. */
static bool is_ancestor(const struct lcfs_node_s *child, const struct lcfs_node_s *parent)
{
	if (child == parent)
		return true;
	if (lcfs_children_count(child) == 0)
		return false;
	while (parent && parent != child)
		parent = parent->parent;
	return parent == child;
}

/* The rules of lcfs_node_add_child() and its errno values, which callers of the
 * existing library compare. A node below itself would be a tree without an end. */
static int check_attach_place(const struct lcfs_node_s *parent,
			      const struct lcfs_node_s *child, struct cfs_text name)
{
	if (!S_ISDIR(parent->mode))
		return -ENOTDIR;
	if (name.len < 1)
		return -EINVAL;
	if (name.len > CFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (child->name)
		return -EMLINK;
	if (is_ancestor(child, parent))
		return -ELOOP;
	return lcfs_children_find(parent, name.s) ? -EEXIST : 0;
}

int lcfs_node_attach(struct lcfs_node_s *parent, struct lcfs_node_s *child,
		     struct cfs_text name)
{
	child->name = strndup(name.s, name.len);
	if (!child->name)
		return -ENOMEM;
	if (lcfs_children_add(parent, child) < 0) {
		free(cfs_steal(&child->name));
		return -ENOMEM;
	}
	child->parent = parent;
	return 0;
}

int lcfs_node_add_child(struct lcfs_node_s *parent, struct lcfs_node_s *child,
			const char *name)
{
	int rc = check_attach_place(parent, child, cfs_text(name));

	if (rc == 0)
		rc = lcfs_node_attach(parent, child, cfs_text(name));
	return rc < 0 ? lcfs_fail(rc) : 0;
}

struct lcfs_node_s *lcfs_node_lookup_child(struct lcfs_node_s *node, const char *name)
{
	return lcfs_node_dirp(node) ? lcfs_children_find(node, name) : NULL;
}

struct lcfs_node_s *lcfs_node_get_parent(struct lcfs_node_s *node)
{
	return node->parent;
}

const char *lcfs_node_get_name(struct lcfs_node_s *node)
{
	return node->name;
}

size_t lcfs_node_get_n_children(struct lcfs_node_s *node)
{
	return lcfs_children_count(node);
}

struct lcfs_node_s *lcfs_node_get_child(struct lcfs_node_s *node, size_t i)
{
	return i < lcfs_children_count(node) ? lcfs_children_sorted(node)[i] : NULL;
}

/* --- hard links --------------------------------------------------------------------- */

void lcfs_node_link_to(struct lcfs_node_s *node, struct lcfs_node_s *target)
{
	struct lcfs_node_s *stack = NULL;

	lcfs_node_ref(target);
	drop_target(&stack, node);
	node->link_to = target;
	target->n_links++;
	dissolve_trees(stack);
}

/* Would a link from node to target close a circle? Such links are never made, so every
 * chain ends, and node is in a chain only if a link refers to it. */
static bool closes_circle(const struct lcfs_node_s *node,
			  const struct lcfs_node_s *target)
{
	if (node == target || node->n_links == 0)
		return node == target;
	while (target && target != node)
		target = target->link_to;
	return target == node;
}

void lcfs_node_make_hardlink(struct lcfs_node_s *node, struct lcfs_node_s *target)
{
	node->bad_link = closes_circle(node, target);
	if (node->bad_link)
		return;
	lcfs_node_link_to(node, target);
	target->nlink++;
}

struct lcfs_node_s *lcfs_node_get_hardlink_target(struct lcfs_node_s *node)
{
	return node->link_to;
}
