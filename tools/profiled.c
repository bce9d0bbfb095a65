/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* --profile, and what goes with it. */
#include "profiled.h"

#include <errno.h>

#include "cli.h"

bool profiled_take(const char *program, const char *name, const struct cfs_profile **out)
{
	struct cfs_err err;

	if (cfs_profile_find(name, out, &err) == 0)
		return true;
	cli_say(program, "%s", err.msg);
	return false;
}

int profiled_check(const struct cfs_profile *profile,
		   const struct profiled_option *options, size_t n, struct cfs_err *err)
{
	for (size_t i = 0; profile && i < n; i++)
		if (options[i].given)
			return cfs_fail(
				err, EINVAL,
				"%s: the profile %s decides this, want one of the "
				"two options",
				options[i].name, profile->name);
	return 0;
}

void profiled_scan(const struct cfs_profile *profile, struct cfs_scan_opts *out)
{
	const struct cfs_profile_rules *r = &profile->rules;

	out->alg = r->alg;
	out->hardlinks = true;
	out->no_inline_executables = r->executables_outside;
	if (r->inline_max != CFS_INLINE_FOUND)
		out->inline_max = r->inline_max ? r->inline_max : -1;
}

int profiled_apply(const struct cfs_profile *profile, struct cfs_tree **tree,
		   struct cfs_err *err)
{
	struct cfs_tree *all = cfs_steal(tree);
	int rc = cfs_profile_apply(all, &profile->rules, tree, err);

	cfs_tree_free(all);
	return rc;
}
