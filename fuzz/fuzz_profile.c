/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Rules on any tree: those that keep everything change nothing, others have done all that they do after the first
 * time, and their trees have images. */
#include "fuzz.h"

#include <string.h>

#include "profile/profile.h"
#include "trip.h"

/* A number below n, from the bits that are left. */
static unsigned draw_byte(uint32_t *bits, unsigned n)
{
	unsigned value = *bits % n;

	*bits /= n;
	return value;
}

/* The input decides, all of it: what changes the tree changes the rules, too. */
static struct cfs_profile_rules choose_fuzzed_rules(const uint8_t *data, size_t len)
{
	static const int limits[] = {CFS_INLINE_FOUND, CFS_INLINE_64, CFS_INLINE_NONE};
	uint32_t bits = cfs_xxh32(data, len, 1);
	struct cfs_profile_rules r = {.alg = CFS_SHA256};

	r.links = (enum cfs_links_rule)draw_byte(&bits, 2);
	r.xattrs = (enum cfs_xattr_rule)draw_byte(&bits, 6);
	r.mtime = (enum cfs_mtime_rule)draw_byte(&bits, 3);
	r.root = (enum cfs_root_rule)draw_byte(&bits, 2);
	r.inline_max = limits[draw_byte(&bits, 3)];
	r.executables_outside = draw_byte(&bits, 2);
	r.no_blocks = draw_byte(&bits, 2);
	r.deletions = (enum cfs_deletion_rule)draw_byte(&bits, 2);
	r.first_time = (enum cfs_time_rule)draw_byte(&bits, 2);
	return r;
}

/* Holds that two trees say the same. */
static void expect_same_trees(const struct cfs_tree *a, const struct cfs_tree *b)
{
	struct cfs_text x = trip_text(a), y = trip_text(b);

	fuzz_hold(cfs_text_eq(x, y));
	trip_release(x);
	trip_release(y);
}

/* NULL when they cannot be applied, and then there is a reason. */
static struct cfs_tree *apply_chosen_rules(const struct cfs_tree *t,
					   const struct cfs_profile_rules *rules)
{
	struct cfs_tree *out = NULL;
	struct cfs_err err = {""};
	int rc = cfs_profile_apply(t, rules, NULL, &out, &err);

	fuzz_hold((rc == 0) == (out != NULL));
	fuzz_hold(rc == 0 || err.msg[0]);
	return out;
}

static void check_all_kept(const struct cfs_tree *t)
{
	static const struct cfs_profile_rules all = {.alg = CFS_SHA256,
						     .links = CFS_LINKS_KEPT,
						     .deletions = CFS_DELETIONS_LOST,
						     .inline_max = CFS_INLINE_FOUND};
	struct cfs_tree *same = apply_chosen_rules(t, &all);

	fuzz_hold(same);
	expect_same_trees(t, same);
	cfs_tree_free(same);
}

static void check_rules(const struct cfs_tree *t, const struct cfs_profile_rules *rules)
{
	struct cfs_tree *once = apply_chosen_rules(t, rules), *twice;

	if (!once)
		return;
	twice = apply_chosen_rules(once, rules);
	fuzz_hold(twice);
	expect_same_trees(once, twice);
	trip_through_image(once, 0);
	cfs_tree_free(once);
	cfs_tree_free(twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_profile_rules rules = choose_fuzzed_rules(data, len);
	struct cfs_tree *t =
		trip_parse((struct cfs_text){(const char *)data, len}, false);

	if (t) {
		check_all_kept(t);
		check_rules(t, &rules);
	}
	cfs_tree_free(t);
	return 0;
}
