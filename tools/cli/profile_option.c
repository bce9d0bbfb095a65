/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The option --profile, and the options that it excludes. */
#include "cli/profile_option.h"

#include <errno.h>

const char *profile_option_get_word(size_t i)
{
	return cfs_profiles[i].name;
}

int profile_option_parse(const char *name, void *out, struct cfs_err *err)
{
	return cfs_profile_find(name, out, err);
}

int profiled_check(const struct cfs_profile *profile,
		   const struct profiled_option *options, size_t n, struct cfs_err *err)
{
	for (size_t i = 0; profile && i < n; i++)
		if (options[i].given)
			return cfs_fail(
				err, EINVAL,
				"%s: expected either this option or --profile=%s, "
				"got both",
				options[i].name, profile->name);
	return 0;
}

void profiled_set_scan(const struct cfs_profile_rules *rules, struct cfs_scan_opts *out)
{
	out->alg = rules->alg;
	out->hardlinks = true;
	out->use_epoch = out->skip_xattrs = out->user_xattrs = false;
	out->no_inline_executables = rules->executables_outside;
	if (rules->inline_max != CFS_INLINE_FOUND)
		out->inline_max = rules->inline_max ? rules->inline_max : -1;
}

int profiled_apply(const struct cfs_profile_rules *rules, const struct cfs_watch *watch,
		   struct cfs_tree **tree, struct cfs_err *err)
{
	struct cfs_tree *all = cfs_steal(tree);
	int rc = cfs_profile_apply(all, rules, watch, tree, err);

	cfs_tree_free(all);
	return rc;
}
