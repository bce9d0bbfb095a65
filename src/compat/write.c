/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* lcfs_write_to: nodes -> builder -> plan -> bytes, as for every image. The nodes are
 * only read, so several threads may write one tree at the same time. */
#include "compat/compat.h"

#include <errno.h>

#include "compat/ptrmap.h"
#include "erofs/erofs.h"
#include "verity/verity.h"

/* --- nodes -> tree ------------------------------------------------------------------ */

struct level {
	struct lcfs_node_s *dir;
	cfs_id id;
	size_t next;
};

struct feeder {
	struct cfs_builder *b;
	struct level *stack;
	size_t n_stack, stack_cap;
	struct lcfs_node_s **nodes; /* by ID in the tree */
	size_t n_nodes, nodes_cap;
	struct cfs_xattr *xattrs; /* of the current node */
	size_t xattrs_cap;
	bool has_links;
};

/* *spec borrows from n and from f->xattrs, and is good until the next call. */
static int describe_node(struct feeder *f, const struct lcfs_node_s *n,
			 struct cfs_inode_spec *spec)
{
	if (cfs_grow(&f->xattrs, &f->xattrs_cap, n->n_xattrs, sizeof(*f->xattrs)) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n->n_xattrs; i++) {
		f->xattrs[i] = (struct cfs_xattr){lcfs_xattr_key(n->xattrs[i]),
						  lcfs_xattr_value(n->xattrs[i])};
	}
	*spec = (struct cfs_inode_spec){
		.size = n->size,
		.mtime_sec = n->mtime.tv_sec,
		.mtime_nsec = (uint32_t)n->mtime.tv_nsec,
		.mode = n->mode,
		.nlink = n->nlink,
		.uid = n->uid,
		.gid = n->gid,
		.rdev = n->rdev,
		.payload = cfs_text(n->payload ? n->payload->bytes : NULL),
		.content = {n->content, n->content ? n->size : 0},
		.digest = n->has_digest ? n->digest : NULL,
		.xattrs = f->xattrs,
		.n_xattrs = n->n_xattrs,
	};
	return 0;
}

/* Records the ID of node, and pushes its children. */
static int enter_node(struct feeder *f, struct lcfs_node_s *node, cfs_id id)
{
	if (cfs_grow(&f->nodes, &f->nodes_cap, f->n_nodes + 1,
		     sizeof(struct lcfs_node_s *)) < 0)
		return -ENOMEM;
	f->nodes[f->n_nodes++] = node;
	if (lcfs_children_count(node) == 0)
		return 0;
	/* The mode was changed after children were added, or a hard link has children. */
	if (node->link_to || !S_ISDIR(node->mode))
		return -EINVAL;
	if (cfs_grow(&f->stack, &f->stack_cap, f->n_stack + 1, sizeof(*f->stack)) < 0)
		return -ENOMEM;
	f->stack[f->n_stack++] = (struct level){node, id, 0};
	return 0;
}

/* Adds a node and its children to the builder. A hard link is added by its name alone
 * and connected later, since its target may not have been added yet. */
static int feed_child(struct feeder *f, cfs_id parent, struct lcfs_node_s *child)
{
	struct cfs_text name = cfs_text(child->name);
	struct cfs_inode_spec spec;
	cfs_id id;
	int rc;

	if (child->bad_link)
		return -EINVAL;
	if (child->link_to) {
		f->has_links = true;
		rc = cfs_builder_add_link(f->b, parent, name, &id, NULL);
	} else {
		rc = describe_node(f, child, &spec);
		if (rc == 0)
			rc = cfs_builder_add(f->b, parent, name, &spec, &id, NULL);
	}
	return rc < 0 ? rc : enter_node(f, child, id);
}

/* Depth first, with a stack on the heap, children by name: the order of the builder.
 * Hard links get their targets afterwards, in feed_links. */
static int feed_nodes(struct feeder *f, struct lcfs_node_s *root)
{
	struct cfs_inode_spec spec;
	int rc =
		root->bad_link || root->link_to ? -EINVAL : describe_node(f, root, &spec);

	if (rc == 0)
		rc = cfs_builder_set_root(f->b, &spec, NULL);
	if (rc == 0)
		rc = enter_node(f, root, CFS_ROOT);
	while (rc == 0 && f->n_stack) {
		struct level *top = &f->stack[f->n_stack - 1];

		if (top->next == lcfs_children_count(top->dir))
			f->n_stack--;
		else
			rc = feed_child(f, top->id,
					lcfs_children_sorted(top->dir)[top->next++]);
	}
	return rc;
}

/* The second pass: a hard link may come before its target. -EINVAL: the target is not
 * below the root. */
static int feed_links(struct feeder *f)
{
	struct lcfs_ptrmap map;
	int rc;

	if (!f->has_links)
		return 0;
	rc = lcfs_ptrmap_init(&map, f->nodes, f->n_nodes);
	for (cfs_id id = 0; rc == 0 && id < f->n_nodes; id++) {
		uint32_t target;

		if (!f->nodes[id]->link_to)
			continue;
		if (lcfs_ptrmap_find(&map, f->nodes[id]->link_to, &target))
			rc = cfs_builder_set_target(f->b, id, target, NULL);
		else
			rc = -EINVAL;
	}
	lcfs_ptrmap_fini(&map);
	return rc;
}

/* Copies the caller's nodes into a tree with all checks of the builder. The nodes are
 * only borrowed. */
static int make_tree_of_nodes(struct lcfs_node_s *root, struct cfs_tree **out)
{
	struct feeder f = {0};
	int rc = cfs_builder_new(CFS_SHA256, &f.b, NULL);

	if (rc == 0)
		rc = feed_nodes(&f, root);
	if (rc == 0)
		rc = feed_links(&f);
	free(f.stack);
	free(f.nodes);
	free(f.xattrs);
	if (rc == 0)
		rc = cfs_builder_freeze(&f.b, out, NULL);
	cfs_builder_free(f.b);
	/* Circles of links are refused when they are made. This is a link to a node
	 * outside the tree. */
	return rc == -ELOOP ? -EINVAL : rc;
}

/* --- tree -> callback --------------------------------------------------------------- */

/* A cfs_sink that calls the writer of the caller until all is written. errno is set
 * before the call, since callbacks may fail without setting it. 0 bytes would loop
 * forever: EIO. */
static int to_callback(void *ctx, const void *p, size_t len, struct cfs_err *err)
{
	const struct lcfs_write_options_s *o = ctx;
	uint8_t *from = (uint8_t *)(uintptr_t)p;

	(void)err;
	while (len) {
		ssize_t n;

		errno = EIO;
		n = o->file_write_cb(o->file, from, len);
		if (n == 0)
			return -EIO;
		if (n < 0)
			return errno > 0 ? -errno : -EIO;
		if ((size_t)n > len)
			return -EIO;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

/* Writes the image to the caller's callback. The digest is computed on the way, and
 * version says what was chosen. */
static int write_tree(const struct cfs_tree *tree, struct lcfs_write_options_s *o)
{
	const struct cfs_sink sink = {o->file_write_cb ? to_callback : NULL, o};
	struct cfs_digest digest;
	const struct cfs_image_write how = {
		.form = {o->version, o->max_version},
		.digest = o->digest_out ? &digest : NULL,
		.version = &o->version,
	};
	int rc = cfs_image_write(tree, &how, sink, NULL);

	if (rc == 0 && o->digest_out)
		memcpy(o->digest_out, digest.bytes, LCFS_DIGEST_SIZE);
	return rc;
}

int lcfs_write_to(struct lcfs_node_s *root, struct lcfs_write_options_s *options)
{
	int saved = errno, rc;
	struct cfs_tree *tree;

	if (options->flags & ~(uint32_t)LCFS_FLAGS_MASK ||
	    options->format != LCFS_FORMAT_EROFS || options->version > LCFS_VERSION_MAX ||
	    options->max_version > LCFS_VERSION_MAX)
		return lcfs_fail(-EINVAL);
	if (options->max_version < options->version)
		options->max_version = options->version;
	rc = make_tree_of_nodes(root, &tree);
	if (rc == 0) {
		rc = write_tree(tree, options);
		cfs_tree_free(tree);
	}
	if (rc < 0)
		return lcfs_fail(rc);
	errno = saved;
	return 0;
}
