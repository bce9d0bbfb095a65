/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* From a tree and rules to a digest. */
#include <errno.h>

#include "profile/profile.h"

struct cfs_image_opts cfs_profile_image(const struct cfs_profile_rules *rules)
{
	static const struct cfs_image_opts by_rule[] = {
		[CFS_FORMAT_0_OR_1] = {0, 1},
		[CFS_FORMAT_0] = {0, 0},
		[CFS_FORMAT_1] = {1, 1},
	};
	struct cfs_image_opts opts = by_rule[rules->format];

	opts.no_blocks = rules->no_blocks;
	opts.both_marks = rules->deletions == CFS_DELETIONS_TWICE;
	opts.unsigned_times = rules->first_time == CFS_TIME_UNSIGNED;
	return opts;
}

static int digest_plan(const struct cfs_plan *plan, enum cfs_hash_alg alg,
		       struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_verity *verity;
	int rc;

	if (cfs_verity_new(alg, &verity) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_emit(plan, cfs_verity_sink(verity), err);
	if (rc == 0)
		cfs_verity_final(verity, out);
	cfs_verity_free(verity);
	return rc;
}

int cfs_profile_measure(const struct cfs_tree *ruled,
			const struct cfs_profile_rules *rules, struct cfs_digest *out,
			struct cfs_err *err)
{
	struct cfs_image_opts opts = cfs_profile_image(rules);
	struct cfs_plan *plan;
	int rc = cfs_plan_new(ruled, &opts, &plan, err);

	if (rc < 0)
		return rc;
	rc = digest_plan(plan, rules->alg, out, err);
	cfs_plan_free(plan);
	return rc;
}

int cfs_profile_digest(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		       struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_tree *ruled;
	int rc = cfs_profile_apply(tree, rules, &ruled, err);

	if (rc < 0)
		return rc;
	rc = cfs_profile_measure(ruled, rules, out, err);
	cfs_tree_free(ruled);
	return rc;
}
