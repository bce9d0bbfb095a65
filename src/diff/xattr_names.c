/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The keys of xattrs: one order for both trees, so that xattrs of two inodes are merged by number. */
#include <errno.h>

#include "diff/diff_priv.h"

static int compare_diff_keys(const void *a, const void *b)
{
	const struct cfs_diff_key *x = a, *y = b;

	return cfs_text_cmp(x->name, y->name);
}

/* Copies the keys of both trees to one list, twice if both trees have a key. */
static void copy_keys(const struct diff *d, struct cfs_diff_key *out)
{
	for (uint32_t i = 0; i < d->a.tree->n_keys; i++)
		*out++ = (struct cfs_diff_key){d->a.tree->keys[i], i, CFS_DIFF_NONE};
	for (uint32_t i = 0; i < d->b.tree->n_keys; i++)
		*out++ = (struct cfs_diff_key){d->b.tree->keys[i], CFS_DIFF_NONE, i};
}

/* Merges equal keys of a sorted list; each tree has a key once. Returns their number. */
static uint32_t merge_keys(struct cfs_diff_key *keys, size_t n)
{
	uint32_t used = 0;

	for (size_t i = 0; i < n; i++) {
		struct cfs_diff_key *last = used ? &keys[used - 1] : NULL;

		if (last && cfs_text_eq(last->name, keys[i].name)) {
			last->a = keys[i].a == CFS_DIFF_NONE ? last->a : keys[i].a;
			last->b = keys[i].b == CFS_DIFF_NONE ? last->b : keys[i].b;
		} else {
			keys[used++] = keys[i];
		}
	}
	return used;
}

/* Numbers the xattr keys of both trees in one order, so that comparing two keys later is
 * comparing two numbers. */
int diff_keys(struct diff *d, struct cfs_err *err)
{
	size_t n_a = d->a.tree->n_keys, n_b = d->b.tree->n_keys;

	d->keys = calloc(n_a + n_b + 1, sizeof(*d->keys));
	d->key_a = calloc(n_a + 1, sizeof(*d->key_a));
	d->key_b = calloc(n_b + 1, sizeof(*d->key_b));
	if (!d->keys || !d->key_a || !d->key_b)
		return cfs_fail(err, ENOMEM, "out of memory");
	copy_keys(d, d->keys);
	qsort(d->keys, n_a + n_b, sizeof(*d->keys), compare_diff_keys);
	d->d.n_keys = merge_keys(d->keys, n_a + n_b);
	for (uint32_t i = 0; i < d->d.n_keys; i++) {
		if (d->keys[i].a != CFS_DIFF_NONE)
			d->key_a[d->keys[i].a] = i;
		if (d->keys[i].b != CFS_DIFF_NONE)
			d->key_b[d->keys[i].b] = i;
	}
	return 0;
}

bool cfs_diff_find_xattr(const struct cfs_tree *t, cfs_id inode, uint32_t key,
			 struct cfs_span *out)
{
	const struct cfs_node *n = &t->nodes[inode];
	uint32_t low = 0, high = key == CFS_DIFF_NONE ? 0 : n->n_xattrs;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		const struct cfs_xattr_pair *p = &t->pairs[n->xattrs[mid]];
		int order = cfs_text_cmp(t->keys[p->key], t->keys[key]);

		if (order == 0) {
			*out = (struct cfs_span){p->value, p->value_len};
			return true;
		}
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}
