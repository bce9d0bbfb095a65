/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Builds a plan: from a tree to every size and position of its image. */
#include "erofs/plan_build.h"

#include <errno.h>
#include <stdlib.h>

#include "erofs/plan_dirs.h"
#include "erofs/plan_keys.h"
#include "erofs/plan_layout.h"
#include "erofs/plan_shared.h"

/* The counts of a first pass over all nodes. */
struct counts {
	uint32_t n_dirs;
	size_t n_contents; /* digests and backing paths, at most */
	bool has_whiteout;
};

static bool is_earlier(const struct cfs_node *n, const struct cfs_plan *plan)
{
	if (n->mtime_sec == plan->mtime_sec)
		return n->mtime_nsec < plan->mtime_nsec;
	if (plan->unsigned_times)
		return (uint64_t)n->mtime_sec < (uint64_t)plan->mtime_sec;
	return n->mtime_sec < plan->mtime_sec;
}

/* One pass collects what later steps need to reserve memory, the oldest time, which
 * becomes the build time, and which inodes need attributes of overlayfs. */
static void count_node(struct cfs_plan *plan, cfs_id id, struct counts *c)
{
	const struct cfs_node *n = &plan->tree->nodes[id];

	if (cfs_node_is_link(n))
		return;
	if (is_earlier(n, plan)) {
		plan->mtime_sec = n->mtime_sec;
		plan->mtime_nsec = n->mtime_nsec;
	}
	c->n_dirs += S_ISDIR(n->mode);
	if (cfs_node_is_external(n)) {
		plan->inodes[id].own_shares[CFS_OWN_METACOPY] = CFS_PAIR_ONCE;
		plan->inodes[id].own_shares[CFS_OWN_REDIRECT] = CFS_PAIR_ONCE;
		c->n_contents += n->payload == n->digest ? 1 : 2;
	}
	if (cfs_node_is_whiteout(n)) {
		plan->inodes[id].flags |= CFS_PLAN_WHITEOUT;
		plan->inodes[n->parent].flags |= CFS_PLAN_HOLDS_WHITEOUT;
		c->has_whiteout = true;
	}
}

/* Sizes and kinds of all inodes, which decide where everything lies. The times of the
 * root become those of the superblock, as in 1.0.8. */
static int count_nodes(struct cfs_plan *plan, struct counts *c, struct cfs_err *err)
{
	const struct cfs_tree *t = plan->tree;

	*c = (struct counts){0};
	plan->mtime_sec = t->nodes[CFS_ROOT].mtime_sec;
	plan->mtime_nsec = t->nodes[CFS_ROOT].mtime_nsec;
	plan->inodes =
		calloc((size_t)t->n_nodes + CFS_N_WHITEOUTS, sizeof(*plan->inodes));
	if (!plan->inodes)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (cfs_id id = 0; id < t->n_nodes; id++)
		count_node(plan, id, c);
	return 0;
}

static int choose_version(struct cfs_plan *plan, const struct cfs_image_opts *o,
			  bool has_whiteout, struct cfs_err *err)
{
	uint32_t max = o->max_version > o->min_version ? o->max_version : o->min_version;

	if (max > CFS_IMAGE_VERSION_MAX)
		return cfs_fail(err, EINVAL, "image version: expected at most %d, got %u",
				CFS_IMAGE_VERSION_MAX, max);
	plan->version = o->min_version;
	if (has_whiteout && max >= 1)
		plan->version = 1;
	return 0;
}

/* Whiteouts in the root hide the object directories of the backing store, which is a lower layer. They
 * have owner, time and label of the root. */
static void init_whiteouts(struct cfs_plan *plan)
{
	static const char digits[] = "0123456789abcdef";
	const struct cfs_tree *t = plan->tree;
	const struct cfs_node *root = &t->nodes[CFS_ROOT];

	memcpy(plan->special_names,
	       "."
	       "\0"
	       "..",
	       4);
	for (unsigned i = 0; i < CFS_N_WHITEOUTS; i++) {
		plan->special_names[CFS_SPECIAL_WHITEOUT + i][0] = digits[i >> 4];
		plan->special_names[CFS_SPECIAL_WHITEOUT + i][1] = digits[i & 15];
	}
	plan->whiteout = (struct cfs_node){
		.mode = S_IFCHR | 0644,
		.nlink = 1,
		.uid = root->uid,
		.gid = root->gid,
		.mtime_sec = root->mtime_sec,
		.mtime_nsec = root->mtime_nsec,
		.xattrs = &plan->whiteout_label,
	};
	for (unsigned i = 0; i < root->n_xattrs; i++) {
		struct cfs_text key = t->keys[t->pairs[root->xattrs[i]].key];

		if (!cfs_text_eq(key, CFS_TEXT("security.selinux")))
			continue;
		plan->whiteout_label = root->xattrs[i];
		plan->whiteout.n_xattrs = 1;
	}
}

/* The numbers of nodes and pairs must leave room for those that the writer adds. */
static int check_tree(const struct cfs_tree *t, struct cfs_err *err)
{
	if (t->n_nodes > UINT32_MAX - CFS_N_WHITEOUTS)
		return cfs_fail(err, EFBIG,
				"image: expected at most %u inodes and links, got %u",
				UINT32_MAX - CFS_N_WHITEOUTS, t->n_nodes);
	if (t->n_pairs > CFS_PAIR_METACOPY - CFS_N_ADDED)
		return cfs_fail(err, EFBIG,
				"image: expected at most %u different xattrs, got %u",
				CFS_PAIR_METACOPY - CFS_N_ADDED, t->n_pairs);
	return 0;
}

/* The order of the steps matters: whiteouts change the keys, keys and directories are
 * measured before shares, and the layout needs all sizes. */
static int fill_plan(struct cfs_plan *plan, const struct cfs_image_opts *opts,
		     struct cfs_err *err)
{
	struct counts counts;
	int rc = check_tree(plan->tree, err);

	if (rc == 0)
		rc = count_nodes(plan, &counts, err);
	if (rc == 0)
		rc = choose_version(plan, opts, counts.has_whiteout, err);
	if (rc < 0)
		return rc;
	init_whiteouts(plan);
	rc = cfs_plan_keys(plan, err);
	if (rc == 0)
		rc = cfs_plan_dirs(plan, counts.n_dirs, err);
	if (rc == 0)
		rc = cfs_plan_shared(plan, counts.n_contents, err);
	if (rc == 0)
		rc = cfs_plan_layout(plan, err);
	return rc;
}

int cfs_plan_new(const struct cfs_tree *tree, const struct cfs_image_opts *opts,
		 const struct cfs_watch *watch, struct cfs_plan **out,
		 struct cfs_err *err)
{
	struct cfs_plan *plan = calloc(1, sizeof(*plan));
	int rc;

	if (!plan)
		return cfs_fail(err, ENOMEM, "out of memory");
	plan->tree = tree;
	plan->watch = watch;
	plan->no_blocks = opts->no_blocks;
	plan->unsigned_times = opts->unsigned_times;
	plan->both_marks = opts->both_marks;
	rc = fill_plan(plan, opts, err);
	if (rc < 0) {
		cfs_plan_free(plan);
		return rc;
	}
	*out = plan;
	return 0;
}

void cfs_plan_free(struct cfs_plan *plan)
{
	if (!plan)
		return;
	cfs_arena_fini(&plan->arena);
	free(plan->inodes);
	free(plan->dirs);
	free(plan->block_owners);
	free(plan->keys);
	free(plan->shares);
	free(plan->shared);
	free(plan->shared_order);
	free(plan);
}

/* Sets only the smallest mtime of the plan. */
static void find_first_time(const struct cfs_tree *t, struct cfs_plan *plan)
{
	plan->mtime_sec = t->nodes[CFS_ROOT].mtime_sec;
	plan->mtime_nsec = t->nodes[CFS_ROOT].mtime_nsec;
	for (cfs_id id = 0; id < t->n_nodes; id++) {
		const struct cfs_node *n = &t->nodes[id];

		if (cfs_node_is_link(n) || !is_earlier(n, plan))
			continue;
		plan->mtime_sec = n->mtime_sec;
		plan->mtime_nsec = n->mtime_nsec;
	}
}

bool cfs_plan_has_unsigned_times(const struct cfs_tree *tree, int64_t build_sec,
				 uint32_t build_nsec)
{
	struct cfs_plan with_sign = {0}, without = {.unsigned_times = true};

	find_first_time(tree, &with_sign);
	find_first_time(tree, &without);
	return (without.mtime_sec != with_sign.mtime_sec ||
		without.mtime_nsec != with_sign.mtime_nsec) &&
	       without.mtime_sec == build_sec && without.mtime_nsec == build_nsec;
}

uint32_t cfs_plan_version(const struct cfs_plan *plan)
{
	return plan->version;
}
