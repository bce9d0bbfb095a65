/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Deletions that a tree records for an overlay mount: whiteouts and opaque directories.
 *
 * Linux treats a directory either as opaque (value "y"), and then its escaped whiteouts
 * are listed as names that cannot be looked up; or as a directory with whiteouts ("x"),
 * and then the lower layers below it are visible. Observed on Linux 6.12, 6.18 and 7.x.
 */
#include "profile/profile_priv.h"

#include <errno.h>
#include <stdlib.h>

const struct cfs_text cfs_opaque_keys[CFS_N_OPAQUE_KEYS] = {
	{"trusted.overlay.opaque", sizeof("trusted.overlay.opaque") - 1},
	{"user.overlay.opaque", sizeof("user.overlay.opaque") - 1},
};

bool cfs_is_opaque_key(struct cfs_text key)
{
	return cfs_text_eq(key, cfs_opaque_keys[0]) ||
	       cfs_text_eq(key, cfs_opaque_keys[1]);
}

bool cfs_is_opaque_xattr(struct cfs_text key, struct cfs_span value)
{
	return value.len == 1 && value.p[0] == 'y' && cfs_is_opaque_key(key);
}

static bool is_opaque(const struct cfs_tree *t, const struct cfs_node *n)
{
	for (unsigned i = 0; i < n->n_xattrs; i++) {
		const struct cfs_xattr_pair *p = &t->pairs[n->xattrs[i]];

		if (cfs_is_opaque_xattr(t->keys[p->key],
					(struct cfs_span){p->value, p->value_len}))
			return true;
	}
	return false;
}

static bool has_opaque(const struct cfs_tree *t)
{
	for (uint32_t i = 0; i < t->n_pairs; i++) {
		const struct cfs_xattr_pair *p = &t->pairs[i];

		if (cfs_is_opaque_xattr(t->keys[p->key],
					(struct cfs_span){p->value, p->value_len}))
			return true;
	}
	return false;
}

int cfs_deletions_mark(const struct cfs_tree *tree, uint8_t **out, struct cfs_err *err)
{
	uint8_t *marks = calloc(tree->n_nodes, 1);
	bool opaque = has_opaque(tree);

	if (!marks)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (cfs_id id = 0; id < tree->n_nodes; id++) {
		const struct cfs_node *n = &tree->nodes[id];
		cfs_id inode = cfs_tree_inode(tree, id);

		if (cfs_node_is_whiteout(&tree->nodes[inode])) {
			marks[inode] |= CFS_DELETION_WHITEOUT;
			marks[n->parent] |=
				inode == id ? CFS_DELETION_HOLDS : CFS_DELETION_LINK;
		} else if (opaque && inode == id && S_ISDIR(n->mode) &&
			   is_opaque(tree, n)) {
			marks[id] |= CFS_DELETION_OPAQUE;
		}
	}
	*out = marks;
	return 0;
}

/* Returns true if CFS_DELETIONS_LOST loses deletions of this directory. The first name of
 * a whiteout marks its directory as one with whiteouts, which is then no longer opaque.
 * Further names do not, so an opaque directory stays opaque. */
static bool loses_deletions(uint8_t marks)
{
	if (marks & CFS_DELETION_HOLDS)
		return marks & CFS_DELETION_OPAQUE;
	return marks & CFS_DELETION_LINK && !(marks & CFS_DELETION_OPAQUE);
}

int cfs_profile_find_lost(const struct cfs_tree *tree, cfs_deletions_fn fn, void *ctx,
			  size_t *n, struct cfs_err *err)
{
	cfs_autofree uint8_t *marks = NULL;
	int rc = cfs_deletions_mark(tree, &marks, err);

	*n = 0;
	for (cfs_id id = 0; rc == 0 && id < tree->n_nodes; id++) {
		if (!loses_deletions(marks[id]))
			continue;
		++*n;
		if (fn)
			fn(ctx, id);
	}
	return rc;
}

int cfs_profile_keeps_more(const struct cfs_tree *tree, bool *out, struct cfs_err *err)
{
	cfs_autofree uint8_t *marks = NULL;
	int rc = cfs_deletions_mark(tree, &marks, err);

	*out = false;
	for (cfs_id id = 0; rc == 0 && id < tree->n_nodes && !*out; id++)
		*out = marks[id] & CFS_DELETION_LINK || (marks[id] & CFS_DELETION_HOLDS &&
							 marks[id] & CFS_DELETION_OPAQUE);
	return rc;
}
