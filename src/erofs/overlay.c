/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Adds to a tree what composefs needs: xattrs for overlayfs, escapes for xattrs of the
 * input, marks for whiteouts.
 */
#include "erofs/overlay.h"

#include "erofs/erofs_priv.h"

/* The values of metacopy and redirect depend on the inode; metacopy is empty without a digest. */
static const struct cfs_added_def added_defs[CFS_N_ADDED] = {
	[CFS_ADDED_METACOPY] = {CFS_TEXT(CFS_OVERLAY_METACOPY), CFS_TEXT("")},
	[CFS_ADDED_ROOT_OPAQUE] = {CFS_TEXT(CFS_OVERLAY_OPAQUE), CFS_TEXT("y")},
	[CFS_ADDED_OPAQUE] = {CFS_TEXT(CFS_ESCAPED_OPAQUE), CFS_TEXT("x")},
	[CFS_ADDED_WHITEOUT] = {CFS_TEXT(CFS_ESCAPED_WHITEOUT), CFS_TEXT("")},
	[CFS_ADDED_WHITEOUTS] = {CFS_TEXT(CFS_ESCAPED_WHITEOUTS), CFS_TEXT("")},
	[CFS_ADDED_REDIRECT] = {CFS_TEXT(CFS_OVERLAY_REDIRECT), CFS_TEXT("")},
	[CFS_ADDED_USER_OPAQUE] = {CFS_TEXT(CFS_USER_OPAQUE), CFS_TEXT("x")},
	[CFS_ADDED_USER_WHITEOUT] = {CFS_TEXT(CFS_USER_WHITEOUT), CFS_TEXT("")},
	[CFS_ADDED_USER_WHITEOUTS] = {CFS_TEXT(CFS_USER_WHITEOUTS), CFS_TEXT("")},
};

const struct cfs_added_def *cfs_overlay_added(enum cfs_added which)
{
	return &added_defs[which];
}

struct cfs_text cfs_overlay_key(struct cfs_arena *arena, struct cfs_text key)
{
	struct cfs_text prefix = CFS_TEXT(CFS_OVERLAY_PREFIX);
	struct cfs_text escaped = CFS_TEXT(CFS_ESCAPED_PREFIX);
	size_t rest = key.len - prefix.len;
	char *copy;

	if (!cfs_text_has_prefix(key, prefix))
		return key;
	copy = cfs_arena_alloc(arena, escaped.len + rest, 1);
	if (!copy)
		return (struct cfs_text){NULL, 0};
	memcpy(copy, escaped.s, escaped.len);
	memcpy(copy + escaped.len, key.s + prefix.len, rest);
	return (struct cfs_text){copy, escaped.len + rest};
}

/* The xattrs that the writer adds to an inode: a set of 1 << enum cfs_added. The names that begin with "user." are for
 * overlays mounted with userxattr. An opaque mark hides what a lower layer has below a directory; format 0 had none, and
 * keeps its bytes. */
static unsigned choose_added(const struct cfs_plan *plan, cfs_id id)
{
	const struct cfs_node *node = cfs_plan_node(plan, id);
	unsigned flags = plan->inodes[id].flags;
	unsigned set = 0;

	if (cfs_node_is_external(node)) {
		set |= 1u << CFS_ADDED_METACOPY;
		if (node->payload_kind != CFS_PAYLOAD_NONE)
			set |= 1u << CFS_ADDED_REDIRECT;
	}
	if (flags & CFS_PLAN_WHITEOUT)
		set |= 1u << CFS_ADDED_WHITEOUT | 1u << CFS_ADDED_USER_WHITEOUT;
	if (flags & CFS_PLAN_HOLDS_WHITEOUT) {
		set |= 1u << CFS_ADDED_WHITEOUTS | 1u << CFS_ADDED_USER_WHITEOUTS;
		if (plan->version >= 1)
			set |= 1u << CFS_ADDED_OPAQUE | 1u << CFS_ADDED_USER_OPAQUE;
	}
	if (id == CFS_ROOT)
		set |= 1u << CFS_ADDED_ROOT_OPAQUE;
	return set;
}

static cfs_pair find_added_pair(const struct cfs_plan *plan, const struct cfs_node *node,
				unsigned which)
{
	if (which == CFS_ADDED_METACOPY && node->digest)
		return CFS_PAIR_METACOPY;
	if (which == CFS_ADDED_REDIRECT)
		return CFS_PAIR_REDIRECT;
	return plan->added[which];
}

struct cfs_pairs cfs_overlay_pairs(const struct cfs_plan *plan, cfs_id id)
{
	return (struct cfs_pairs){
		.plan = plan,
		.node = cfs_plan_node(plan, id),
		.adds = choose_added(plan, id),
	};
}

/* Escaping keeps the byte order of keys, so both lists are sorted. An added pair replaces one of
 * the tree with the same key. */
bool cfs_overlay_next(struct cfs_pairs *pairs, cfs_pair *out)
{
	const struct cfs_plan *plan = pairs->plan;
	bool from_tree = pairs->next < pairs->node->n_xattrs;
	uint32_t which, rank, tree_rank;

	if (from_tree)
		*out = pairs->node->xattrs[pairs->next];
	if (!pairs->adds) {
		pairs->next += from_tree;
		return from_tree;
	}
	which = (uint32_t)__builtin_ctz(pairs->adds);
	rank = plan->keys[plan->tree->n_keys + which].rank;
	tree_rank = from_tree ? cfs_pair_key(plan, *out)->rank : UINT32_MAX;
	if (tree_rank < rank || (tree_rank == rank && !plan->both_marks))
		pairs->next++;
	if (tree_rank < rank)
		return true;
	pairs->adds &= pairs->adds - 1;
	*out = find_added_pair(plan, pairs->node, which);
	return true;
}
