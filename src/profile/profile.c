/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The table of profiles, and the text of each rule. Rows are never changed: other rules
 * get another name. tests/golden/profiles/DIGESTS contains the expected digests.
 */
#include "profile/profile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#define BOTH_HASHES(name, ...)                                                           \
	{name, {.alg = CFS_SHA512, __VA_ARGS__}},                                        \
	{                                                                                \
		name "-sha256",                                                          \
		{                                                                        \
			.alg = CFS_SHA256, __VA_ARGS__                                   \
		}                                                                        \
	}

/* The rules of mkcomposefs 1.0.8, and the rules that all repository profiles share. */
#define TOOL_RULES                                                                       \
	.alg = CFS_SHA256, .deletions = CFS_DELETIONS_LOST, .first_time = CFS_TIME_SIGNED
#define REPO_RULES                                                                       \
	.format = CFS_FORMAT_1, .links = CFS_LINKS_KEPT, .inline_max = CFS_INLINE_64

const struct cfs_profile cfs_profiles[] = {
	/* mkcomposefs 1.0.8 DIRECTORY, its --min-version=1, and its --from-file. */
	{"mkcomposefs-1.0", {TOOL_RULES, .inline_max = CFS_INLINE_64}},
	{"mkcomposefs-1.0-v1",
	 {TOOL_RULES, .format = CFS_FORMAT_1, .inline_max = CFS_INLINE_64}},
	{"mkcomposefs-1.0-dump",
	 {TOOL_RULES, .links = CFS_LINKS_KEPT, .inline_max = CFS_INLINE_FOUND}},
	/* create-image into a repository; cfsctl 0.9 with --no-propagate-usr-to-root, but for deletions. */
	BOTH_HASHES("repo-1", REPO_RULES),
	/* cfsctl 0.9: create-image of a root filesystem, and images of containers; but for deletions. */
	BOTH_HASHES("oci-1", REPO_RULES, .xattrs = CFS_XATTRS_OCI, .root = CFS_ROOT_USR),
	/* IPE decides by the fs-verity digest of a file. A file that is stored in the
	 * image has none. */
	BOTH_HASHES("ipe-1", REPO_RULES, .executables_outside = true,
		    .first_time = CFS_TIME_SIGNED),
	/* df shows a mount of the image as empty instead of full. */
	BOTH_HASHES("honest-df-1", REPO_RULES, .no_blocks = true,
		    .first_time = CFS_TIME_SIGNED),
	{0},
};

/* --- rules as text --------------------------------------------------------------------- */

static const char *const format_texts[] = {"0, or 1 with whiteouts", "0", "1"};
static const char *const links_texts[] = {"flattened", "kept"};
static const char *const xattr_texts[] = {"all",
					  "user.",
					  "none",
					  "security.capability",
					  "security.capability, user.",
					  "those that a mount shows"};
static const char *const mtime_texts[] = {"nanoseconds", "seconds", "0"};
static const char *const root_texts[] = {"as found", "of /usr"};
static const char *const deletions_texts[] = {"kept", "lost as in 1.0",
					      "lost as in cfsctl"};
static const char *const time_texts[] = {"unsigned", "signed"};
static const char *const executables_texts[] = {"as others", "outside"};
static const char *const blocks_texts[] = {"told", "0"};

static const char *inline_text(int max, char *buf, size_t len)
{
	if (max == CFS_INLINE_FOUND)
		return "as found";
	snprintf(buf, len, "%d", max);
	return buf;
}

bool cfs_profile_format_rule(const struct cfs_profile_rules *rules, unsigned i,
			     struct cfs_profile_rule *out)
{
	const struct {
		const char *name, *key, *value;
	} table[] = {
		{"hash", "hash", cfs_hash_name(rules->alg)},
		{"format", "format", format_texts[rules->format]},
		{"hard links", "hard_links", links_texts[rules->links]},
		{"xattrs", "xattrs", xattr_texts[rules->xattrs]},
		{"mtimes", "mtimes", mtime_texts[rules->mtime]},
		{"root", "root", root_texts[rules->root]},
		{"deletions", "deletions", deletions_texts[rules->deletions]},
		{"first time", "first_time", time_texts[rules->first_time]},
		{"inline limit", "inline_limit",
		 inline_text(rules->inline_max, out->buf, sizeof(out->buf))},
		{"executables", "executables",
		 executables_texts[rules->executables_outside]},
		{"blocks", "blocks", blocks_texts[rules->no_blocks]},
	};

	if (i >= sizeof(table) / sizeof(table[0]))
		return false;
	out->name = table[i].name;
	out->key = table[i].key;
	out->value = table[i].value;
	return true;
}

/* --- finding ----------------------------------------------------------------------------- */

static int fail_unknown_profile(const char *name, struct cfs_err *err)
{
	char all[256] = "";
	size_t len = 0;

	for (const struct cfs_profile *p = cfs_profiles; p->name && len < sizeof(all);
	     p++)
		len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%s",
					len ? ", " : "", p->name);
	return cfs_fail(err, EINVAL, "profile \"%.64s\": expected one of %s", name, all);
}

int cfs_profile_find(const char *name, const struct cfs_profile **out,
		     struct cfs_err *err)
{
	for (const struct cfs_profile *p = cfs_profiles; p->name; p++) {
		if (strcmp(p->name, name) == 0) {
			*out = p;
			return 0;
		}
	}
	return fail_unknown_profile(name, err);
}

static bool same_rules(const struct cfs_profile_rules *a,
		       const struct cfs_profile_rules *b)
{
	return a->alg == b->alg && a->format == b->format && a->links == b->links &&
	       a->xattrs == b->xattrs && a->mtime == b->mtime && a->root == b->root &&
	       a->deletions == b->deletions && a->first_time == b->first_time &&
	       a->inline_max == b->inline_max &&
	       a->executables_outside == b->executables_outside &&
	       a->no_blocks == b->no_blocks && a->bootable == b->bootable;
}

const struct cfs_profile *cfs_profile_find_by_rules(const struct cfs_profile_rules *rules)
{
	for (const struct cfs_profile *p = cfs_profiles; p->name; p++)
		if (same_rules(&p->rules, rules))
			return p;
	return NULL;
}

static unsigned count_rule_differences(const struct cfs_profile_rules *a,
				       const struct cfs_profile_rules *b)
{
	struct cfs_profile_rule x, y;
	unsigned n = 0;

	for (unsigned i = 0;
	     cfs_profile_format_rule(a, i, &x) && cfs_profile_format_rule(b, i, &y); i++)
		n += strcmp(x.value, y.value) != 0;
	return n;
}

const struct cfs_profile *cfs_profile_find_nearest(const struct cfs_profile_rules *rules)
{
	const struct cfs_profile *best = NULL;
	unsigned least = UINT_MAX;

	for (const struct cfs_profile *p = cfs_profiles; p->name; p++) {
		unsigned n = count_rule_differences(&p->rules, rules);

		if (p->rules.alg != rules->alg || n >= least)
			continue;
		best = p;
		least = n;
	}
	return best;
}
