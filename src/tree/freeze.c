/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Freezes a tree: puts the children in byte order into one array, resolves hard links, frees
 * the data of the builder. */
#include "tree/tree_priv.h"

#include <errno.h>

/* A frozen tree with the memory that it owns. */
struct frozen {
	struct cfs_tree tree; /* first: cfs_tree_free casts */
	struct cfs_arena arena;
	struct cfs_node *nodes;
	cfs_id *children;
	struct cfs_xattr_pair *pairs;
	struct cfs_text *keys;
};

void cfs_tree_free(struct cfs_tree *tree)
{
	struct frozen *f = (struct frozen *)tree;

	if (!f)
		return;
	cfs_arena_fini(&f->arena);
	free(f->nodes);
	free(f->children);
	free(f->pairs);
	free(f->keys);
	free(f);
}

/* qsort_r cannot be interrupted. Once the watch is cancelled, all names are equal: that ends it soon. */
static int compare_child_names(const void *a, const void *b, void *ctx)
{
	const struct cfs_builder *builder = ctx;
	const struct cfs_node *nodes = builder->nodes;

	if (cfs_watch_is_cancelled(builder->watch))
		return 0;
	return cfs_text_cmp(cfs_node_name(&nodes[*(const cfs_id *)a]),
			    cfs_node_name(&nodes[*(const cfs_id *)b]));
}

/* Turns a directory's list of children into a sorted range of the array. */
static uint32_t freeze_directory(struct cfs_builder *b, struct cfs_node *dir,
				 cfs_id *children, uint32_t first)
{
	struct cfs_node *nodes = b->nodes;
	uint32_t n = 0;

	for (cfs_id c = dir->first; c != CFS_NO_NODE; n++) {
		cfs_id next = nodes[c].next;

		children[first + n] = c;
		nodes[c].next = CFS_NO_NODE;
		c = next;
	}
	if (dir->flags & CFS_NODE_UNSORTED)
		qsort_r(children + first, n, sizeof(*children), compare_child_names, b);
	dir->flags &= (uint8_t)~CFS_NODE_UNSORTED;
	dir->first = first;
	dir->n_children = n;
	return first + n;
}

/* Builds the array of the children of all directories. The caller frees *out, also after a
 * failure. */
static int freeze_children(struct cfs_builder *b, cfs_id **out, struct cfs_err *err)
{
	cfs_id *children = malloc((size_t)b->n_nodes * sizeof(*children));
	uint32_t used = 0;
	int rc = 0;

	*out = children;
	if (!children)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (cfs_id id = 0; rc == 0 && id < b->n_nodes; id++) {
		struct cfs_node *n = &b->nodes[id];

		if (cfs_node_is_link(n) || !S_ISDIR(n->mode))
			continue;
		used = freeze_directory(b, n, children, used);
		rc = cfs_watch_poll(b->watch, err);
	}
	return rc;
}

/* Points all links of one chain at the inode at its end. Each link on the way is marked with
 * the start of the chain in its unused sibling field: a marked one means a loop. */
static int resolve_chain(struct cfs_node *nodes, cfs_id start, struct cfs_err *err)
{
	cfs_id end = start;
	char path[512];

	while (end != CFS_NO_NODE && cfs_node_is_link(&nodes[end])) {
		if (nodes[end].next == start)
			return cfs_fail(
				err, ELOOP, "hard link %s: its targets form a loop",
				cfs_nodes_format_path(nodes, start, path, sizeof(path)));
		nodes[end].next = start;
		end = nodes[end].target;
	}
	if (end == CFS_NO_NODE)
		return cfs_fail(err, EINVAL, "hard link %s: has no target",
				cfs_nodes_format_path(nodes, start, path, sizeof(path)));
	if (S_ISDIR(nodes[end].mode))
		return cfs_fail(err, EINVAL, "hard link %s: target is a directory",
				cfs_nodes_format_path(nodes, start, path, sizeof(path)));
	for (cfs_id id = start; id != end;) {
		cfs_id next = nodes[id].target;

		nodes[id].target = end;
		id = next;
	}
	return 0;
}

static int resolve_links(struct cfs_builder *b, struct cfs_err *err)
{
	for (cfs_id id = 0; b->n_links && id < b->n_nodes; id++) {
		int rc = cfs_watch_poll(b->watch, err);

		if (rc == 0 && cfs_node_is_link(&b->nodes[id]))
			rc = resolve_chain(b->nodes, id, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Moves the memory of the tree from the builder to it. */
static void move_to_tree(struct cfs_builder *b, struct frozen *f)
{
	f->arena = b->arena;
	b->arena = (struct cfs_arena){0};
	f->nodes = cfs_steal(&b->nodes);
	f->pairs = cfs_steal(&b->xattrs.pairs);
	f->keys = cfs_steal(&b->xattrs.keys);
	f->tree = (struct cfs_tree){
		.alg = b->alg,
		.nodes = f->nodes,
		.n_nodes = b->n_nodes,
		.children = f->children,
		.pairs = f->pairs,
		.n_pairs = b->xattrs.n_pairs,
		.keys = f->keys,
		.n_keys = b->xattrs.n_keys,
	};
}

/* Turns the builder's lists into the arrays of a tree: children sorted, links
 * resolved, removed nodes gone. */
static int freeze_nodes(struct cfs_builder *b, struct frozen *f, struct cfs_err *err)
{
	int rc;

	if (b->n_nodes == 0)
		return cfs_fail(err, EINVAL, "expected a root, got none");
	/* The index is the largest part of the builder: free it before more is allocated. */
	free(cfs_steal(&b->index.slots));
	rc = freeze_children(b, &f->children, err);
	if (rc == 0)
		rc = resolve_links(b, err);
	if (rc == 0 && b->n_removed)
		rc = cfs_drop_removed(b, f->children, err);
	if (rc == 0 && b->settles_names)
		rc = cfs_settle_first_names(b, f->children, err);
	return rc;
}

int cfs_builder_freeze(struct cfs_builder **builder, struct cfs_tree **out,
		       struct cfs_err *err)
{
	struct cfs_builder *b = cfs_steal(builder);
	struct frozen *f = calloc(1, sizeof(*f));
	int rc;

	rc = f ? freeze_nodes(b, f, err) : cfs_fail(err, ENOMEM, "out of memory");
	if (rc < 0) {
		if (f)
			cfs_tree_free(&f->tree);
	} else {
		move_to_tree(b, f);
		*out = &f->tree;
	}
	cfs_builder_free(b);
	return rc;
}
