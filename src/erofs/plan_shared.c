/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Finds the xattrs that two or more inodes have: every pair of every inode is counted. */
#include "erofs/plan_shared.h"

#include <errno.h>
#include <stdlib.h>

#include "erofs/overlay.h"
#include "erofs/plan_contents.h"
#include "erofs/plan_table.h"

static int count_pair(struct cfs_plan *plan, cfs_pair pair, cfs_id id,
		      struct cfs_err *err)
{
	uint32_t *share = &plan->shares[pair];

	if (*share == CFS_PAIR_ONCE)
		return cfs_plan_share(plan, pair, id, share, err);
	if (*share == CFS_PAIR_UNSEEN)
		*share = CFS_PAIR_ONCE;
	return 0;
}

static int count_inode(struct cfs_plan *plan, cfs_id id, struct cfs_err *err)
{
	struct cfs_pairs pairs = cfs_overlay_pairs(plan, id);
	cfs_pair pair;
	int rc = 0;

	while (rc == 0 && cfs_overlay_next(&pairs, &pair))
		if (pair < CFS_PAIR_METACOPY)
			rc = count_pair(plan, pair, id, err);
	return rc;
}

/* Slots of contents are spread over a large table: they are prefetched so many nodes before they are
 * needed. */
enum { AHEAD = 12 };

/* Counts how often each xattr occurs, because the format stores those that occur more
 * than once in a shared table. */
static int count_inodes(struct cfs_plan *plan, struct cfs_contents *contents,
			struct cfs_err *err)
{
	const struct cfs_tree *t = plan->tree;
	int rc = 0;

	for (cfs_id id = 0; id < t->n_nodes && rc == 0; id++) {
		rc = cfs_watch_poll(plan->watch, err);
		if (rc < 0)
			return rc;
		cfs_contents_prefetch(contents, plan, id + AHEAD);
		if (cfs_node_is_link(&t->nodes[id]))
			continue;
		rc = count_inode(plan, id, err);
		if (rc == 0 && cfs_node_is_external(&t->nodes[id]))
			rc = cfs_contents_count(contents, plan, id, err);
	}
	return rc;
}

/* The whiteouts of the root share its label; counting one of them is enough. */
static int count_whiteouts(struct cfs_plan *plan, struct cfs_err *err)
{
	return plan->n_whiteouts ? count_inode(plan, plan->tree->n_nodes, err) : 0;
}

static bool has_acl(const struct cfs_plan *plan)
{
	const struct cfs_tree *t = plan->tree;

	for (cfs_pair p = 0; p < t->n_pairs; p++)
		if (plan->keys[t->pairs[p].key].is_acl &&
		    plan->shares[p] != CFS_PAIR_UNSEEN)
			return true;
	return false;
}

int cfs_plan_shared(struct cfs_plan *plan, size_t n_contents, struct cfs_err *err)
{
	size_t n = (size_t)plan->tree->n_pairs + CFS_N_ADDED;
	struct cfs_contents contents;
	int rc = cfs_contents_init(&contents, n_contents, err);

	plan->shares = malloc(n * sizeof(*plan->shares));
	if (rc == 0 && !plan->shares)
		rc = cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < n; i++)
		plan->shares[i] = CFS_PAIR_UNSEEN;
	if (rc == 0)
		rc = count_inodes(plan, &contents, err);
	cfs_contents_fini(&contents);
	if (rc == 0)
		rc = count_whiteouts(plan, err);
	if (rc < 0)
		return rc;
	plan->has_acl = has_acl(plan);
	return cfs_plan_order_table(plan, err);
}
