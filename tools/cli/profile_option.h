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
				    .word = profile_option_get_word                      \
	}

/* Returns the name of profile i, or NULL after the last. */
const char *profile_option_get_word(size_t i);

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

/* The rows of the options that decide the ID of an image, for all commands that make or
 * compute one. The members are a struct cfs_scan_opts and a struct profiled. */
#define PROFILED_OPTIONS(type, scan, what)                                               \
	{"use-epoch", NULL, CLI_AT(type, scan.use_epoch),                                \
	 "Set all modification times to 0", .group = "Source"},                          \
		{"skip-xattrs", NULL, CLI_AT(type, scan.skip_xattrs),                    \
		 "Leave out all extended attributes"},                                   \
		{"user-xattrs", NULL, CLI_AT(type, scan.user_xattrs),                    \
		 "Leave out extended attributes other than \"user.*\""},                 \
		{"skip-unshown-xattrs", NULL, CLI_AT(type, what.skip_unshown),           \
		 "Leave out extended attributes that no mount shows"},                   \
		{"skip-devices", NULL, CLI_AT(type, scan.skip_devices),                  \
		 "Leave out block and character devices"},                               \
		{"no-hardlinks", NULL, CLI_AT(type, what.no_hardlinks),                  \
		 "Store a separate file for each name, as mkcomposefs does"},            \
		{"no-propagate-usr-to-root", NULL, CLI_AT(type, what.no_propagate),      \
		 "Keep the metadata of the root (cfsctl otherwise copies it from usr)"}, \
		{"one-file-system", NULL, CLI_AT(type, scan.one_file_system),            \
		 "Do not descend into other mounts"},                                    \
		{"bootable", NULL, CLI_AT(type, what.bootable), NULL},                   \
		{"xattrs", "RULE", CLI_AT(type, what.xattrs), NULL, CLI_TEXT},           \
		PROFILE_OPTION(type, what.profile)

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
struct cfs_image_opts profiled_get_image_opts(const struct profiled *p, unsigned format);

/* With -v, prints the profile of a digest to standard error, if the rules have a name.
 * Standard output has the digest only. Prints nothing as cfsctl, which has no profiles. */
void profiled_print_name(const char *program, const struct cfs_profile_rules *rules);

/* Writes the key "profile": the name of the rules, or null. */
void profiled_put_json(struct json *j, const struct cfs_profile_rules *rules);

#endif
