/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Builds the tree that the rules allow from another tree, depth first, as a scan would
 * build it. */
#include <errno.h>
#include <stdlib.h>

#include "profile/apply_priv.h"

enum { PATH_LEN = 512 };

static int add_path(const struct profile_job *j, cfs_id id, int rc, struct cfs_err *err)
{
	char path[PATH_LEN];

	if (rc >= 0)
		return rc;
	return cfs_context(err, rc, "%s",
			   cfs_tree_format_path(j->in, id, path, sizeof(path)));
}

/* --- all of them ----------------------------------------------------------------------- */

/* Returns true if this name becomes a hard link. If the first name of an inode is left
 * out, the next name carries the inode. */
static bool stays_link(const struct profile_job *j, cfs_id id)
{
	cfs_id inode = cfs_tree_inode(j->in, id);

	return j->rules->links == CFS_LINKS_KEPT && inode != id &&
	       !profile_is_split_whiteout(j, inode) &&
	       (!j->fates[inode].left_out || j->fates[inode].out != CFS_NO_NODE);
}

static int push_profiled_directory(struct profile_job *j, cfs_id dir, cfs_id out,
				   struct cfs_err *err)
{
	if (cfs_grow(&j->stack, &j->stack_cap, j->depth + 1, sizeof(*j->stack)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	j->stack[j->depth++] = (struct profile_frame){.dir = dir, .out = out};
	return 0;
}

/* Adds the inode of a name. *out: its number in the new tree. */
static int add_profiled_inode(struct profile_job *j, cfs_id parent, cfs_id id,
			      cfs_id *out, struct cfs_err *err)
{
	struct cfs_inode_spec spec;
	int rc = profile_describe_inode(j, cfs_tree_inode(j->in, id), &spec, err);

	if (rc < 0)
		return rc;
	profile_describe_label(j, id, &spec);
	if (id == CFS_ROOT)
		rc = cfs_builder_set_root(j->b, &spec, err);
	else
		rc = cfs_builder_add(j->b, parent, cfs_node_name(&j->in->nodes[id]),
				     &spec, out, err);
	if (rc < 0 || !profile_is_directory(j->in, id) || j->fates[id].emptied)
		return rc;
	return push_profiled_directory(j, id, *out, err);
}

/* The first name of an inode, in the order of the walk, carries it. A name with another
 * label gets a copy. */
static int add_labelled_name(struct profile_job *j, cfs_id parent, cfs_id id,
			     struct cfs_err *err)
{
	struct profile_fate *f = &j->fates[cfs_tree_inode(j->in, id)];
	cfs_id out;
	int rc;

	if (f->out == CFS_NO_NODE) {
		f->labelled_by = id;
		return add_profiled_inode(j, parent, id, &f->out, err);
	}
	if (j->rules->links != CFS_LINKS_KEPT ||
	    profile_is_split_whiteout(j, cfs_tree_inode(j->in, id)) ||
	    !cfs_text_eq(j->labels[id], j->labels[f->labelled_by]))
		return add_profiled_inode(j, parent, id, &out, err);
	rc = cfs_builder_add_link(j->b, parent, cfs_node_name(&j->in->nodes[id]), &out,
				  err);
	return rc < 0 ? rc : cfs_builder_set_target(j->b, out, f->out, err);
}

static int add_profiled_name(struct profile_job *j, cfs_id parent, cfs_id id,
			     struct cfs_err *err)
{
	if (j->labels)
		return add_labelled_name(j, parent, id, err);
	if (!stays_link(j, id))
		return add_profiled_inode(j, parent, id,
					  &j->fates[cfs_tree_inode(j->in, id)].out, err);
	return cfs_builder_add_link(j->b, parent, cfs_node_name(&j->in->nodes[id]),
				    &j->fates[id].out, err);
}

/* Sets the targets of hard links. This comes last, because a link may come before its
 * inode. */
static int set_targets(struct profile_job *j, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	int rc = 0;

	for (cfs_id id = 0; rc == 0 && id < t->n_nodes; id++)
		if (cfs_node_is_link(&t->nodes[id]) && j->fates[id].out != CFS_NO_NODE)
			rc = cfs_builder_set_target(j->b, j->fates[id].out,
						    j->fates[t->nodes[id].target].out,
						    err);
	return rc;
}

/* Copies the tree depth first with an explicit stack, so that a deep tree cannot
 * exhaust the C stack. Names the path in its errors; hard links come last, when their
 * targets exist. */
static int add_profiled_tree(struct profile_job *j, struct cfs_err *err)
{
	const struct cfs_tree *t = j->in;
	int rc = add_profiled_inode(j, CFS_NO_NODE, CFS_ROOT, &j->fates[CFS_ROOT].out,
				    err);

	rc = add_path(j, CFS_ROOT, rc, err);

	while (rc == 0 && j->depth) {
		struct profile_frame *top = &j->stack[j->depth - 1];
		const struct cfs_node *dir = &t->nodes[top->dir];
		cfs_id id;

		if (top->next == dir->n_children) {
			j->depth--;
			continue;
		}
		rc = cfs_watch_poll(j->watch, err);
		if (rc < 0)
			return rc;
		id = t->children[dir->first + top->next++];
		if (j->fates[id].left_out)
			continue;
		rc = add_path(j, id, add_profiled_name(j, top->out, id, err), err);
	}
	return rc < 0 ? rc : set_targets(j, err);
}

/* Builds the tree that the rules ask for into *out, which the caller owns. j->b stays
 * with the job until the freeze takes it. */
static int apply_tree_rules(struct profile_job *j, struct cfs_tree **out,
			    struct cfs_err *err)
{
	int rc = cfs_builder_new(j->rules->alg, &j->b, err);

	if (rc < 0)
		return rc;
	/* An existing tree may exceed the xattr budget, and must not be refused here. */
	cfs_builder_lift_budget(j->b);
	cfs_builder_set_watch(j->b, j->watch);
	if (j->labels) /* the number of links is known at the end */
		cfs_builder_settle_names(j->b);
	for (cfs_id id = 0; id < j->in->n_nodes; id++)
		j->fates[id].out = CFS_NO_NODE;
	j->fates[CFS_ROOT].out = CFS_ROOT;
	rc = profile_find_special_directories(j, err);
	if (rc == 0 && j->rules->deletions == CFS_DELETIONS_KEPT)
		rc = profile_find_deletions(j, err);
	if (rc == 0)
		rc = add_profiled_tree(j, err);
	return rc < 0 ? rc : cfs_builder_freeze(&j->b, out, err);
}

int cfs_profile_apply_labels(const struct cfs_tree *tree,
			     const struct cfs_profile_rules *rules,
			     const struct cfs_selinux_labels *labels,
			     const struct cfs_watch *watch, struct cfs_tree **out,
			     struct cfs_err *err)
{
	struct profile_job j = {.in = tree,
				.rules = rules,
				.labels = labels && rules->bootable ? labels->of : NULL,
				.is_labelled = labels != NULL,
				.watch = watch};
	int rc;

	j.fates = calloc(tree->n_nodes, sizeof(*j.fates));
	rc = j.fates ? apply_tree_rules(&j, out, err)
		     : cfs_fail(err, ENOMEM, "out of memory");
	cfs_builder_free(j.b);
	free(j.fates);
	free(j.marks);
	free(j.stack);
	free(j.xattrs);
	return rc;
}

int cfs_profile_apply(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		      const struct cfs_watch *watch, struct cfs_tree **out,
		      struct cfs_err *err)
{
	return cfs_profile_apply_labels(tree, rules, NULL, watch, out, err);
}
