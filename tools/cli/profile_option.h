/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profiled: the option --profile, for all commands that have it.
 * Owns:  the scan options that a profile needs, the options that it excludes, the rules
 *        of a command without a profile.
 * Uses:  cli, profile, source.
 * Never: writes images.
 */
#ifndef CFS_PROFILED_H
#define CFS_PROFILED_H

#include <stdio.h>

#include "source/source.h"
#include "cli/json.h"
#include "profile/profile.h"

/* The row for an option table. The member is a const struct cfs_profile *. */
#define PROFILE_OPTION(type, member)                                                     \
	{                                                                                \
		"profile", "NAME", CLI_AT(type, member),                                 \
			"Use the rules of the profile NAME "                             \
			"(see composefs-profiles(7))",                                   \
			CLI_PARSED, .parse = profile_option_parse,                       \
				    .word = profile_option_word                          \
	}

/* Returns the name of profile i, or NULL after the last. */
const char *profile_option_word(size_t i);

/* Finds a profile by name. -EINVAL: unknown name. */
int profile_option_parse(const char *name, void *out, struct cfs_err *err) CFS_MUST_CHECK;

/* An option that a profile decides. */
struct profiled_option {
	bool given;
	const char *name;
};

/* -EINVAL: one of these options was given together with a profile. Succeeds if profile is
 * NULL. */
int profiled_check(const struct cfs_profile *profile,
		   const struct profiled_option *options, size_t n,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Sets the scan options so that the tree has everything that the rules may keep, and
 * contents are stored as the rules need it. */
void profiled_set_scan(const struct cfs_profile_rules *rules, struct cfs_scan_opts *out);

/* Replaces the tree by the one that the rules allow. Frees the tree also on failure. */
int profiled_apply(const struct cfs_profile_rules *rules, const struct cfs_watch *watch,
		   struct cfs_tree **tree, struct cfs_err *err) CFS_MUST_CHECK;

/* The options of a repository command that change the tree, besides those of the scan. */
struct profiled {
	const struct cfs_profile *profile; /* NULL: the other options decide */
	const char *xattrs;		   /* the --xattrs rule of cfsctl */
	bool no_hardlinks, no_propagate, bootable, skip_unshown;
};

/* Refuses options that exclude each other. Of scan, the options that a profile decides
 * are checked. */
int profiled_check_all(const struct profiled *p, const struct cfs_scan_opts *scan,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Scans the directory with the options of p and in->scan. in->scan.alg is the digest
 * algorithm. format: image format without a profile. *rules: the rules that were applied.
 * -EINVAL: the profile has another algorithm. */
int profiled_ingest(const struct profiled *p, struct cfs_ingest *in, unsigned format,
		    struct cfs_profile_rules *rules, struct cfs_tree **out,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Returns the options of the image writer. */
struct cfs_image_opts profiled_image_opts(const struct profiled *p, unsigned format);

/* With -v, prints the profile of a digest to standard error, if the rules have a name.
 * Standard output has the digest only. Prints nothing as cfsctl, which has no profiles. */
void profiled_print_name(const char *program, const struct cfs_profile_rules *rules);

/* Writes the key "profile": the name of the rules, or null. */
void profiled_put_json(struct json *j, const struct cfs_profile_rules *rules);

#endif
