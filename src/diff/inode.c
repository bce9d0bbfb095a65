/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Comparison of the inodes of two names, field by field, and of their hard links. */
#include "diff/diff_priv.h"

static bool payload_is_same(const struct cfs_node *x, const struct cfs_node *y)
{
	return x->payload_len == y->payload_len &&
	       memcmp(x->payload, y->payload, x->payload_len) == 0;
}

/* A type has only some of the fields; the others are 0 in both trees. */
static int compare_fields(struct diff *d, cfs_id a, cfs_id b, const struct cfs_node *x,
			  const struct cfs_node *y, struct cfs_err *err)
{
	bool same_type = (x->mode & S_IFMT) == (y->mode & S_IFMT);
	bool sized = same_type && !S_ISLNK(x->mode);
	bool linked = same_type && !S_ISDIR(x->mode);
	const struct {
		enum cfs_diff_field field;
		bool differs;
	} rows[] = {
		{CFS_DIFF_TYPE, !same_type},
		{CFS_DIFF_MODE, (x->mode ^ y->mode) & ~(uint32_t)S_IFMT},
		{CFS_DIFF_UID, x->uid != y->uid},
		{CFS_DIFF_GID, x->gid != y->gid},
		{CFS_DIFF_SIZE, sized && x->size != y->size},
		{CFS_DIFF_MTIME,
		 x->mtime_sec != y->mtime_sec || x->mtime_nsec != y->mtime_nsec},
		{CFS_DIFF_NLINK, linked && x->nlink != y->nlink},
		{CFS_DIFF_LINK,
		 linked && d->first_a[cfs_tree_inode(d->a.tree, a)] !=
				   d->first_b[cfs_tree_inode(d->b.tree, b)]},
		{CFS_DIFF_RDEV, same_type && x->rdev != y->rdev},
		{CFS_DIFF_TARGET,
		 same_type && S_ISLNK(x->mode) && !payload_is_same(x, y)},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int rc = 0;

		if (rows[i].differs)
			rc = diff_add(d, rows[i].field, a, b, 0, err);
		if (rc < 0)
			return rc;
	}
	return same_type && S_ISREG(x->mode) ? diff_content(d, a, b, err) : 0;
}

static bool pairs_are_equal(const struct cfs_xattr_pair *p,
			    const struct cfs_xattr_pair *q)
{
	return p->value_len == q->value_len &&
	       (p->value_len == 0 || memcmp(p->value, q->value, p->value_len) == 0);
}

/* Merges the xattrs of both inodes, which are in byte order of their keys. */
static int compare_xattrs(struct diff *d, cfs_id a, cfs_id b, const struct cfs_node *x,
			  const struct cfs_node *y, struct cfs_err *err)
{
	uint32_t i = 0, k = 0;

	while (i < x->n_xattrs || k < y->n_xattrs) {
		const struct cfs_xattr_pair *p = NULL, *q = NULL;
		uint32_t in_a = CFS_DIFF_NONE, in_b = CFS_DIFF_NONE;
		int rc = 0;

		if (i < x->n_xattrs) {
			p = &d->a.tree->pairs[x->xattrs[i]];
			in_a = d->key_a[p->key];
		}
		if (k < y->n_xattrs) {
			q = &d->b.tree->pairs[y->xattrs[k]];
			in_b = d->key_b[q->key];
		}
		if (in_a != in_b || !pairs_are_equal(p, q))
			rc = diff_add(d, CFS_DIFF_XATTR, a, b, in_a < in_b ? in_a : in_b,
				      err);
		if (rc < 0)
			return rc;
		i += in_a <= in_b;
		k += in_b <= in_a;
	}
	return 0;
}

/* Compares two names by their inodes. A pair of inodes with several names is compared
 * once, at its first names; holders are links that begin at another name. */
int diff_names(struct diff *d, cfs_id a, cfs_id b, struct cfs_err *err)
{
	cfs_id ia = cfs_tree_inode(d->a.tree, a), ib = cfs_tree_inode(d->b.tree, b);
	cfs_id *first_a = &d->first_a[ia], *first_b = &d->first_b[ib];
	const struct cfs_node *x = &d->a.tree->nodes[ia], *y = &d->b.tree->nodes[ib];
	bool compared = *first_a != CFS_NO_NODE && *first_a == *first_b;
	int rc;

	if (*first_a == CFS_NO_NODE)
		*first_a = a;
	if (*first_b == CFS_NO_NODE)
		*first_b = a;
	if (*first_a == *first_b && a == ia && b != ib && d->d.n_holders++ == 0) {
		d->d.holder_a = ia;
		d->d.holder_b = ib;
	}
	/* Both are later names of two inodes: they were compared at the first. */
	if (compared)
		return 0;
	rc = compare_fields(d, a, b, x, y, err);
	return rc < 0 ? rc : compare_xattrs(d, a, b, x, y, err);
}
