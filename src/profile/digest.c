/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Computes the digest of a tree under rules. */
#include "profile/profile.h"

struct cfs_image_opts cfs_profile_get_image_opts(const struct cfs_profile_rules *rules)
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

int cfs_profile_measure(const struct cfs_tree *ruled,
			const struct cfs_profile_rules *rules,
			const struct cfs_watch *watch, struct cfs_digest *out,
			struct cfs_err *err)
{
	const struct cfs_image_write how = {
		.form = cfs_profile_get_image_opts(rules), .digest = out, .watch = watch};

	return cfs_image_write(ruled, &how, (struct cfs_sink){0}, err);
}

int cfs_profile_digest(const struct cfs_tree *tree, const struct cfs_profile_rules *rules,
		       const struct cfs_watch *watch, struct cfs_digest *out,
		       struct cfs_err *err)
{
	struct cfs_tree *ruled;
	int rc = cfs_profile_apply(tree, rules, watch, &ruled, err);

	if (rc < 0)
		return rc;
	rc = cfs_profile_measure(ruled, rules, watch, out, err);
	cfs_tree_free(ruled);
	return rc;
}
