/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* profile: the search for the rules behind a digest. */
#include "t.h"

#include "dump/dump.h"
#include "golden.h"
#include "profile/profile.h"

static struct cfs_err err;

static struct cfs_tree *read_tree(struct cfs_text text)
{
	struct cfs_dump_opts opts = {0};
	struct cfs_tree *t = NULL;

	if (cfs_dump_read_mem(text, CFS_SHA256, &opts, &t, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return t;
}

static struct cfs_tree *rich_tree(void)
{
	size_t len;
	uint8_t *bytes = t_golden("profiles/rich.dump", &len);
	struct cfs_tree *t = read_tree((struct cfs_text){(const char *)bytes, len});

	free(bytes);
	return t;
}

static struct cfs_digest digest_by(const struct cfs_tree *t,
				   const struct cfs_profile_rules *rules)
{
	struct cfs_digest d;

	if (cfs_profile_digest(t, rules, NULL, &d, &err) < 0)
		t_fail(__FILE__, __LINE__, "%s", err.msg);
	return d;
}

static struct cfs_profile_match find(const struct cfs_tree *t,
				     const struct cfs_digest *expected, unsigned threads)
{
	struct cfs_profile_search opts = {.threads = threads};
	struct cfs_profile_match m;

	t_eq(cfs_profile_find_rules(t, expected, &opts, &m, &err), 0);
	return m;
}

T(each_profile_is_found_by_its_digest)
{
	struct cfs_tree *t = rich_tree();

	for (const struct cfs_profile *p = cfs_profiles; p->name; p++) {
		struct cfs_digest d = digest_by(t, &p->rules);
		struct cfs_profile_match m = find(t, &d, 2);

		t_ok(m.found);
		t_eq(m.n_profiles, 1);
		t_str(m.profiles[0]->name, p->name);
	}
	cfs_tree_free(t);
}

/* A tree on which they do not differ. */
T(all_matching_profiles_are_reported)
{
	struct cfs_tree *t = read_tree(CFS_TEXT("/ 0 40755 1 0 0 0 1.0 - - -\n"));
	struct cfs_digest d = digest_by(t, &cfs_profiles[0].rules);
	struct cfs_profile_match m = find(t, &d, 1);

	t_eq(m.n_profiles, 2);
	t_str(m.profiles[0]->name, "mkcomposefs-1.0");
	t_str(m.profiles[1]->name, "mkcomposefs-1.0-dump");
	cfs_tree_free(t);
}

static const struct cfs_profile_rules unnamed[] = {
	{.alg = CFS_SHA256,
	 .xattrs = CFS_XATTRS_USER,
	 .mtime = CFS_MTIME_SEC,
	 .inline_max = CFS_INLINE_64},
	{.alg = CFS_SHA512,
	 .format = CFS_FORMAT_1,
	 .links = CFS_LINKS_KEPT,
	 .xattrs = CFS_XATTRS_OCI_USER,
	 .root = CFS_ROOT_USR,
	 .inline_max = CFS_INLINE_64},
	{.alg = CFS_SHA256,
	 .format = CFS_FORMAT_1,
	 .xattrs = CFS_XATTRS_NONE,
	 .mtime = CFS_MTIME_EPOCH,
	 .inline_max = CFS_INLINE_FOUND,
	 .executables_outside = true,
	 .no_blocks = true},
	{.alg = CFS_SHA256,
	 .links = CFS_LINKS_KEPT,
	 .xattrs = CFS_XATTRS_OCI,
	 .inline_max = CFS_INLINE_NONE,
	 .no_blocks = true},
};

static bool same_rules(const struct cfs_profile_rules *a,
		       const struct cfs_profile_rules *b)
{
	struct cfs_profile_rule x, y;

	for (unsigned i = 0; cfs_profile_format_rule(a, i, &x); i++)
		if (!cfs_profile_format_rule(b, i, &y) || strcmp(x.value, y.value) != 0)
			return false;
	return true;
}

T(rules_without_a_name_are_found_one_by_one)
{
	struct cfs_tree *t = rich_tree();

	for (size_t i = 0; i < sizeof(unnamed) / sizeof(unnamed[0]); i++) {
		struct cfs_digest d = digest_by(t, &unnamed[i]);
		struct cfs_profile_match m = find(t, &d, 2);

		t_ok(m.found && m.n_profiles == 0 && m.n_impossible == 0);
		t_ok(same_rules(&m.rules, &unnamed[i]));
	}
	cfs_tree_free(t);
}

T(nearest_profile_differs_in_the_fewest_rules)
{
	t_str(cfs_profile_find_nearest(&unnamed[0])->name, "mkcomposefs-1.0");
	t_str(cfs_profile_find_nearest(&unnamed[1])->name, "oci-1");
}

/* Whiteouts make format 1 of "0 or 1", so that only both fixed formats are left to try. */
T(formats_with_whiteouts_are_distinguished)
{
	struct cfs_tree *t = read_tree(CFS_TEXT("/ 0 40755 1 0 0 0 1.0 - - -\n"
						"/w 0 20000 1 0 0 0 1.0 - - -\n"));
	struct cfs_profile_rules rules = {.alg = CFS_SHA256,
					  .format = CFS_FORMAT_0,
					  .links = CFS_LINKS_KEPT,
					  .inline_max = CFS_INLINE_64};
	struct cfs_digest d = digest_by(t, &rules);
	struct cfs_profile_match m = find(t, &d, 1);

	t_ok(m.found && m.n_profiles == 0 && m.rules.format == CFS_FORMAT_0);
	cfs_tree_free(t);
}

/* Only what changes the tree is tried: of this one, times to the second or 0, and files inside or not;
 * each in 4 forms. */
T(search_without_a_match_reports_how_many_were_tried)
{
	struct cfs_tree *t = read_tree(CFS_TEXT("/ 0 40755 1 0 0 0 1.5 - - -\n"
						"/f 1 100644 1 0 0 0 1.5 - x -\n"));
	struct cfs_digest none = {.alg = CFS_SHA256};

	for (unsigned threads = 1; threads < 4; threads++) {
		struct cfs_profile_match m = find(t, &none, threads);

		t_ok(!m.found);
		t_eq(m.n_named, 7);
		t_eq(m.n_candidates, 7 + 3 * 2 * 4);
		t_eq(m.n_impossible, 1);
		t_str(m.why.msg, "/usr: expected a directory, got nothing: the root gets "
				 "its metadata");
	}
	cfs_tree_free(t);
}

/* What other writers make of a tree with such things, under no name. */
T(rules_of_deletions_and_times_are_found)
{
	struct cfs_tree *t = read_tree(CFS_TEXT(
		"/ 0 40755 1 0 0 0 1.0 - - - btrfs.compression=zstd trusted.k=v\n"
		"/d 0 40755 1 0 0 0 -1.0 - - - trusted.overlay.opaque=y\n"
		"/d/w 0 20000 1 0 0 0 2.0 - - -\n"));

	for (int i = 0; i < 12; i++) {
		struct cfs_profile_rules rules = {
			.alg = CFS_SHA256,
			.format = CFS_FORMAT_1,
			.links = CFS_LINKS_KEPT,
			.inline_max = CFS_INLINE_64,
			.deletions = (enum cfs_deletion_rule)(i % 3),
			.first_time = (enum cfs_time_rule)(i / 3 % 2),
			.xattrs = i / 6 ? CFS_XATTRS_SHOWN : CFS_XATTRS_ALL,
		};
		struct cfs_digest d = digest_by(t, &rules);
		struct cfs_profile_match m = find(t, &d, 2);

		t_ok(m.found);
		t_ok(m.rules.deletions == rules.deletions);
		t_ok(m.rules.first_time == rules.first_time);
		t_ok(m.rules.xattrs == rules.xattrs);
	}
	cfs_tree_free(t);
}
