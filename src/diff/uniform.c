/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Properties of a whole tree, and of all differences of a field. */
#include "diff/diff_priv.h"

/* What holds for the whole tree, such as one owner for all, explains many differences by
 * one cause: how the tree was made. */
static void add_tree_facts(const struct cfs_tree *t, struct diff_tree_facts *out)
{
	const struct cfs_node *root = &t->nodes[CFS_ROOT];

	/* A single inode proves nothing. */
	*out = (struct diff_tree_facts){.mtimes_are_zero = t->n_nodes > 1,
					.has_one_owner = t->n_nodes > 1,
					.uid = root->uid,
					.gid = root->gid};
	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];

		if (cfs_node_is_link(n))
			continue;
		if (n->mtime_sec || n->mtime_nsec)
			out->mtimes_are_zero = false;
		if (n->uid != out->uid || n->gid != out->gid)
			out->has_one_owner = false;
		if (n->n_xattrs)
			out->has_xattrs = true;
	}
}

static void add_mtime_facts(struct diff_facts *f, const struct cfs_node *a,
			    const struct cfs_node *b)
{
	if (a->mtime_sec == b->mtime_sec)
		return;
	if (f->n_mtimes++ == 0) {
		f->mtime_sec[0] = a->mtime_sec;
		f->mtime_sec[1] = b->mtime_sec;
	}
	f->mtime_is_one[0] &= a->mtime_sec == f->mtime_sec[0];
	f->mtime_is_one[1] &= b->mtime_sec == f->mtime_sec[1];
}

static void add_owner_facts(struct diff_facts *f, uint32_t a, uint32_t b, uint32_t *first)
{
	int64_t shift = (int64_t)b - a;

	if (f->n_owners++ == 0) {
		f->owner_shift = shift;
		*first = a;
	}
	if (shift != f->owner_shift)
		f->owner_shift = 0;
	f->owner_is_shifted |= a != *first;
}

static void add_mode_facts(struct diff_facts *f, uint32_t a, uint32_t b)
{
	uint32_t bits = (a ^ b) & ~(uint32_t)S_IFMT;

	if (f->n_modes++ == 0)
		f->mode_bits = bits;
	f->mode_bits_are_one &= bits == f->mode_bits;
	f->mode_bits_in[0] &= (a & bits) == bits;
	f->mode_bits_in[1] &= (b & bits) == bits;
}

static bool is_device(const struct cfs_node *n)
{
	return S_ISCHR(n->mode) || S_ISBLK(n->mode);
}

/* Starts from "true for all" and takes facts back, one difference at a time. *first_id
 * is the owner of the first difference, with which the others are compared. */
static void add_difference_facts(struct diff_facts *f, const struct cfs_difference *v,
				 const struct cfs_node *a, const struct cfs_node *b,
				 uint32_t *first_id)
{
	switch ((enum cfs_diff_field)v->field) {
	case CFS_DIFF_ENTRY:
		if (a)
			f->only_devices[0] &= is_device(a);
		else
			f->only_devices[1] &= is_device(b);
		break;
	case CFS_DIFF_MTIME:
		add_mtime_facts(f, a, b);
		break;
	case CFS_DIFF_UID:
		add_owner_facts(f, a->uid, b->uid, first_id);
		break;
	case CFS_DIFF_GID:
		add_owner_facts(f, a->gid, b->gid, first_id);
		break;
	case CFS_DIFF_MODE:
		add_mode_facts(f, a->mode, b->mode);
		break;
	default:
		break;
	}
}

void diff_find_facts(const struct cfs_diff *d, struct diff_facts *out)
{
	uint32_t first_id = 0;

	*out = (struct diff_facts){.mtime_is_one = {true, true},
				   .mode_bits_are_one = true,
				   .mode_bits_in = {true, true},
				   .only_devices = {true, true}};
	add_tree_facts(d->a, &out->a);
	add_tree_facts(d->b, &out->b);
	for (size_t i = 0; i < d->n; i++)
		add_difference_facts(out, &d->v[i], diff_inode(d->a, d->v[i].a),
				     diff_inode(d->b, d->v[i].b), &first_id);
	/* A single difference proves nothing. */
	out->mtime_is_one[0] &= out->n_mtimes > 1;
	out->mtime_is_one[1] &= out->n_mtimes > 1;
	out->owner_is_shifted &= out->owner_shift != 0;
	out->mode_bits_are_one &= out->n_modes > 1;
}
