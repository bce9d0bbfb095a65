/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The merge: both trees at once, directory by directory, each in byte order. */
#include "diff/diff.h"

#include <errno.h>

#include "diff/diff_priv.h"

void cfs_diff_free(struct cfs_diff *diff)
{
	struct diff *d = (struct diff *)diff;

	if (!d)
		return;
	free(d->v);
	free(d->keys);
	free(d->key_a);
	free(d->key_b);
	free(d->first_a);
	free(d->first_b);
	free(d->contents);
	free(d->pending);
	free(d->stack);
	free(d);
}

static bool is_directory(const struct cfs_tree *t, cfs_id name)
{
	return name != CFS_NO_NODE && S_ISDIR(t->nodes[cfs_tree_inode(t, name)].mode);
}

/* Opens the directories of a pair; anything else has no children. */
static int open_dirs(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err)
{
	struct diff_frame frame = {CFS_NO_NODE, CFS_NO_NODE, 0, 0};

	if (is_directory(d->a.tree, a))
		frame.a = a;
	if (is_directory(d->b.tree, b))
		frame.b = b;
	if (frame.a == CFS_NO_NODE && frame.b == CFS_NO_NODE)
		return 0;
	if (cfs_grow(&d->stack, &d->stack_cap, d->depth + 1, sizeof(*d->stack)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	d->stack[d->depth++] = frame;
	return 0;
}

/* Compares a name, or a pair of names. */
static int compare_name_pair(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err)
{
	size_t before = d->d.n;
	int rc;

	if (a != CFS_NO_NODE && b != CFS_NO_NODE) {
		rc = diff_names(d, a, b, err);
		d->d.n_both++;
		d->d.n_changed += d->d.n > before;
	} else {
		rc = diff_add(d, CFS_DIFF_ENTRY, a, b, 0, err);
		d->d.n_only_a += b == CFS_NO_NODE;
		d->d.n_only_b += a == CFS_NO_NODE;
	}
	return rc < 0 ? rc : open_dirs(d, a, b, err);
}

/* The child of a directory by index, or CFS_NO_NODE after the last. */
static cfs_id get_child(const struct cfs_tree *t, cfs_id dir, uint32_t i)
{
	if (dir == CFS_NO_NODE || i >= t->nodes[dir].n_children)
		return CFS_NO_NODE;
	return t->children[t->nodes[dir].first + i];
}

/* Compares the lower of the two next names, or both when they are equal. */
static int merge_next(struct diff *d, struct cfs_err *err)
{
	struct diff_frame *f = &d->stack[d->depth - 1];
	cfs_id a = get_child(d->a.tree, f->a, f->ia),
	       b = get_child(d->b.tree, f->b, f->ib);
	int order = 0;

	if (a == CFS_NO_NODE && b == CFS_NO_NODE) {
		d->depth--;
		return 0;
	}
	if (a == CFS_NO_NODE || b == CFS_NO_NODE)
		order = a == CFS_NO_NODE ? 1 : -1;
	else
		order = cfs_text_cmp(cfs_node_name(&d->a.tree->nodes[a]),
				     cfs_node_name(&d->b.tree->nodes[b]));
	f->ia += order <= 0;
	f->ib += order >= 0;
	return compare_name_pair(d, order <= 0 ? a : CFS_NO_NODE,
				 order >= 0 ? b : CFS_NO_NODE, err);
}

/* Returns n times CFS_NO_NODE, which the caller frees; NULL: out of memory. */
static cfs_id *alloc_names(uint32_t n)
{
	cfs_id *v = malloc(n * sizeof(*v));

	if (v)
		memset(v, 0xff, n * sizeof(*v)); /* CFS_NO_NODE */
	return v;
}

/* Walks both trees at once, by a stack of open directories. Contents without a digest
 * are read at the end, by several threads, since only then is it known which ones. */
static int compare_trees(struct diff *d, unsigned threads, struct cfs_err *err)
{
	int rc = diff_keys(d, err);

	if (rc < 0)
		return rc;
	d->first_a = alloc_names(d->a.tree->n_nodes);
	d->first_b = alloc_names(d->b.tree->n_nodes);
	if (!d->first_a || !d->first_b)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = compare_name_pair(d, CFS_ROOT, CFS_ROOT, err);
	while (rc == 0 && d->depth) {
		rc = cfs_watch_poll(d->watch, err);
		if (rc == 0)
			rc = merge_next(d, err);
	}
	if (rc == 0)
		rc = diff_read(d, threads, err);
	return rc;
}

/* *out borrows both trees. It is a member of struct diff, which cfs_diff_free finds from
 * it. */
int cfs_diff_new(const struct cfs_diff_side *a, const struct cfs_diff_side *b,
		 unsigned threads, const struct cfs_watch *watch, struct cfs_diff **out,
		 struct cfs_err *err)
{
	struct diff *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return cfs_fail(err, ENOMEM, "out of memory");
	d->a = *a;
	d->b = *b;
	d->watch = watch;
	d->d.a = a->tree;
	d->d.b = b->tree;
	rc = compare_trees(d, threads, err);
	if (rc < 0) {
		cfs_diff_free(&d->d);
		return rc;
	}
	d->d.v = d->v;
	d->d.keys = d->keys;
	d->d.contents = d->contents;
	d->d.first_a = d->first_a;
	d->d.first_b = d->first_b;
	*out = &d->d;
	return 0;
}
