/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Nodes: life, tree, hard links. */
#include "compat/compat.h"

#include <errno.h>

/* --- life --------------------------------------------------------------------------- */

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

/* Nodes to be taken apart: a stack through their parent fields, which mean nothing any
 * more. So a tree of any depth is freed without recursion. */
static void push(struct lcfs_node_s **stack, struct lcfs_node_s *node)
{
	node->parent = *stack;
	*stack = node;
}

/* How many of the links to node are below it? 0 when there is no memory to look. */
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

/* Is a tree held by nothing but links that it has itself? */
static bool holds_itself(const struct lcfs_node_s *node)
{
	return node->ref_count == node->n_links && !node->name &&
	       lcfs_children_count(node) && count_links_below(node) == node->n_links;
}

/* One reference less; the last one puts it on the stack. Those of a parent and of hard
 * links are not for others to drop: they stay, unless nobody else could drop them. */
static void drop(struct lcfs_node_s **stack, struct lcfs_node_s *node)
{
	int held = node->n_links + (node->name ? 1 : 0);

	if (node->ref_count == held)
		return;
	if (node->ref_count == 1) {
		push(stack, node);
		return;
	}
	node->ref_count--;
	if (!holds_itself(node))
		return;
	node->ref_count++; /* for the stack: its children go, and with them the links */
	push(stack, node);
}

/* Takes away the target of a hard link, and the reference to it. */
static void drop_target(struct lcfs_node_s **stack, struct lcfs_node_s *link)
{
	struct lcfs_node_s *target = cfs_steal(&link->link_to);

	if (!target)
		return;
	target->n_links--;
	drop(stack, target);
}

static void push_children(struct lcfs_node_s **stack, struct lcfs_node_s *node)
{
	struct lcfs_children *c = cfs_steal(&node->children);

	for (size_t i = 0; c && i < c->n; i++) {
		free(cfs_steal(&c->v[i]->name));
		push(stack, c->v[i]);
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

/* Unlinks all descendants of the nodes on the stack, then frees those that nobody
 * holds. A descendant that somebody holds loses its own children all the same. A node
 * is on the stack with the reference that its parent held, or with its last one. */
static void take_apart(struct lcfs_node_s *stack)
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
	drop(&stack, node);
	take_apart(stack);
}

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
		lcfs_point(copy, node->link_to);
	return copy;
}

/* --- the tree ----------------------------------------------------------------------- */

bool lcfs_node_dirp(struct lcfs_node_s *node)
{
	return S_ISDIR(node->mode);
}

/* A node can be above another one only if it has children. */
static bool is_above(const struct lcfs_node_s *child, const struct lcfs_node_s *parent)
{
	if (child == parent)
		return true;
	if (lcfs_children_count(child) == 0)
		return false;
	while (parent && parent != child)
		parent = parent->parent;
	return parent == child;
}

static int check_place(const struct lcfs_node_s *parent, const struct lcfs_node_s *child,
		       struct cfs_text name)
{
	if (!S_ISDIR(parent->mode))
		return -ENOTDIR;
	if (name.len < 1)
		return -EINVAL;
	if (name.len > CFS_NAME_MAX)
		return -ENAMETOOLONG;
	if (child->name)
		return -EMLINK;
	if (is_above(child, parent))
		return -ELOOP;
	return lcfs_children_find(parent, name.s) ? -EEXIST : 0;
}

int lcfs_attach(struct lcfs_node_s *parent, struct lcfs_node_s *child,
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
	int rc = check_place(parent, child, cfs_text(name));

	if (rc == 0)
		rc = lcfs_attach(parent, child, cfs_text(name));
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

void lcfs_point(struct lcfs_node_s *node, struct lcfs_node_s *target)
{
	struct lcfs_node_s *stack = NULL;

	lcfs_node_ref(target);
	drop_target(&stack, node);
	node->link_to = target;
	target->n_links++;
	take_apart(stack);
}

/* Would a link from node to target close a circle? Such links are never made, so every
 * chain ends; and node is in a chain only if something points at it. */
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
	lcfs_point(node, target);
	target->nlink++;
}

struct lcfs_node_s *lcfs_node_get_hardlink_target(struct lcfs_node_s *node)
{
	return node->link_to;
}
