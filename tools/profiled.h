/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profiled: the option --profile, for all commands that have it.
 * Owns:  what a profile asks of a scan, which other options it excludes.
 * Uses:  cli, profile, scan.
 * Never: reads a directory.
 */
#ifndef CFS_PROFILED_H
#define CFS_PROFILED_H

#include "profile/profile.h"
#include "scan/scan.h"

/* The row of an option table; the command's own function calls profiled_take. */
#define PROFILE_OPTION(function)                                                         \
	{                                                                                \
		"profile", "NAME", 0, function,                                          \
			"Make the image by the rules of this name "                      \
			"(see composefs-profiles(7))"                                    \
	}

/* False when there is no profile of that name, after having said so. */
bool profiled_take(const char *program, const char *name, const struct cfs_profile **out);

/* An option that says what a profile says already. */
struct profiled_option {
	bool given;
	const char *name;
};

/* -EINVAL: one of these was given beside a profile. profile may be NULL: then all is well. */
int profiled_check(const struct cfs_profile *profile,
		   const struct profiled_option *options, size_t n,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Has the scan tell everything that the rules may keep, and the contents placed as they want it. */
void profiled_scan(const struct cfs_profile *profile, struct cfs_scan_opts *out);

/* Replaces the tree by the one that the rules make of it; it is gone after a failure. */
int profiled_apply(const struct cfs_profile *profile, struct cfs_tree **tree,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
