/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profiled: the option --profile, for all commands that have it.
 * Owns:  what a profile asks of a scan, which other options it excludes, the rules of a command without one.
 * Uses:  cli, ingest, profile.
 * Never: writes images.
 */
#ifndef CFS_PROFILED_H
#define CFS_PROFILED_H

#include <stdio.h>

#include "source/source.h"
#include "cli/json.h"
#include "profile/profile.h"

/* The row of an option table; the member is a const struct cfs_profile *. */
#define PROFILE_OPTION(type, member)                                                     \
	{                                                                                \
		"profile", "NAME", CLI_AT(type, member),                                 \
			"Make the image by the rules of this name "                      \
			"(see composefs-profiles(7))",                                   \
			CLI_PARSED, .parse = profile_option_parse,                       \
				    .word = profile_option_word                          \
	}

/* The i-th name of a profile, or NULL. */
const char *profile_option_word(size_t i);

/* Puts the profile of that name into out. -EINVAL: there is none. */
int profile_option_parse(const char *name, void *out, struct cfs_err *err) CFS_MUST_CHECK;

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
void profiled_scan(const struct cfs_profile_rules *rules, struct cfs_scan_opts *out);

/* Replaces the tree by the one that the rules make of it; it is gone after a failure. */
int profiled_apply(const struct cfs_profile_rules *rules, struct cfs_tree **tree,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* The options of a command for repositories that change what a tree says, beside those of the scan. */
struct profiled {
	const struct cfs_profile *profile; /* NULL: the others say it */
	const char *xattrs; /* the rule of cfsctl, which counts where it is asked */
	bool no_hardlinks, no_propagate, bootable, skip_unshown;
};

/* Refuses what excludes each other, or is not done here. scan: of its options those count that a profile
 * decides. */
int profiled_check_all(const struct profiled *p, const struct cfs_scan_opts *scan,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Reads the directory, in->scan.alg being that of the digests, as p and the options of the scan say. format: that of
 * images, where there is no profile. rules: those that were followed. -EINVAL: the profile has digests by
 * another algorithm. */
int profiled_ingest(const struct profiled *p, struct cfs_ingest *in, unsigned format,
		    struct cfs_profile_rules *rules, struct cfs_tree **out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* What the writer is told then. */
struct cfs_image_opts profiled_form(const struct profiled *p, unsigned format);

/* Says on standard error by which profile a digest came about, if these rules have a name: standard output is the digest and
 * nothing else. Not under the name of composefs-rs's program, which has no such names. */
void profiled_say(const char *program, const struct cfs_profile_rules *rules);

/* "profile": the name of the rules, or null. */
void profiled_json(struct json *j, const struct cfs_profile_rules *rules);

#endif
