/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs explain TREE --expected DIGEST: find the rules by which the tree has the digest. */
#include "composefs/diff/expected.h"
#include "cli/watch.h"

#include <inttypes.h>
#include <string.h>

#include "composefs/composefs.h"
#include "profile/profile.h"

struct answer {
	const char *name; /* of the tree */
	struct cfs_digest expected;
	bool is_itself; /* the tree is an image, and the digest is that of its bytes */
	struct cfs_profile_match match;
};

/* --- Text --------------------------------------------------------------------------- */

static void print_profiles(const struct answer *x)
{
	const struct cfs_profile_match *m = &x->match;

	for (size_t i = 0; i < m->n_profiles; i++) {
		fputs(i ? "and under " : "", stdout);
		if (i == 0)
			cli_print(stdout, x->name);
		printf("%s%s\n", i ? "" : " has this digest under the profile ",
		       m->profiles[i]->name);
	}
}

/* Some rules have no effect on most trees. */
static bool is_relevant(const struct cfs_profile_match *m, const char *key)
{
	if (strcmp(key, "deletions") == 0)
		return m->deletions_matter;
	return m->times_matter || strcmp(key, "first_time") != 0;
}

/* All rules, and those that differ from the nearest profile. */
static void print_rules(const struct answer *x)
{
	const struct cfs_profile_rules *rules = &x->match.rules;
	const struct cfs_profile *near = cfs_profile_find_nearest(rules);
	struct cfs_profile_rule rule, other;

	cli_print(stdout, x->name);
	printf(" has this digest under no profile; the nearest is %s:\n", near->name);
	for (unsigned i = 0; cfs_profile_format_rule(rules, i, &rule) &&
			     cfs_profile_format_rule(&near->rules, i, &other);
	     i++) {
		if (!is_relevant(&x->match, rule.key))
			continue;
		printf("  %-13s %s", rule.name, rule.value);
		if (strcmp(rule.value, other.value) != 0)
			printf(" (there: %s)", other.value);
		puts("");
	}
}

/* Says what was tried and what was not, since "not found" alone would not tell the
 * user whether to continue the search elsewhere. */
static void print_failure(const struct answer *x)
{
	const struct cfs_profile_match *m = &x->match;

	cli_print(stdout, x->name);
	printf(" has this digest under none of %zu profiles and %zu combinations of "
	       "rules\n",
	       m->n_named, m->n_candidates - m->n_named);
	if (x->is_itself)
		puts("it is the digest of the image itself, which another writer made");
	puts("tried: what changes this tree among format, hard links, xattrs, mtimes, "
	     "root, deletions,\n       first time, inline limit, executables and blocks");
	puts("not tried: inline limits other than 0 and 64, names left out or added, "
	     "other contents");
	if (m->n_impossible == 0)
		return;
	printf("%zu of them cannot be applied: ", m->n_impossible);
	cli_print(stdout, m->why.msg);
	puts("");
}

static void print_expected_answer(const struct answer *x)
{
	if (x->match.n_profiles)
		print_profiles(x);
	else if (x->match.found)
		print_rules(x);
	else
		print_failure(x);
}

/* --- JSON --------------------------------------------------------------------------- */

static void print_json_rules(struct json *j, const struct cfs_profile_rules *rules)
{
	struct cfs_profile_rule rule;

	json_begin_object(j, "rules");
	for (unsigned i = 0; cfs_profile_format_rule(rules, i, &rule); i++)
		json_put_string(j, rule.key, rule.value);
	json_end(j);
}

/* The object of --expected --json. "rules" is null unless some rules give the digest;
 * "reason" is that of one candidate that was impossible. */
static void print_expected_json(const struct answer *x)
{
	const struct cfs_profile_match *m = &x->match;
	char text[CFS_DIGEST_TEXT_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "expected", cfs_digest_text(&x->expected, text));
	json_put_bool(&j, "found", m->found);
	json_begin_array(&j, "profiles");
	for (size_t i = 0; i < m->n_profiles; i++)
		json_put_string(&j, NULL, m->profiles[i]->name);
	json_end(&j);
	json_put_bool(&j, "itself", x->is_itself);
	if (m->found)
		print_json_rules(&j, &m->rules);
	else
		json_put_null(&j, "rules");
	json_put_uint(&j, "candidates", m->n_candidates);
	json_put_uint(&j, "impossible", m->n_impossible);
	json_put_string(&j, "reason", m->n_impossible ? m->why.msg : NULL);
	json_finish(&j);
}

/* --- Search ------------------------------------------------------------------------- */

static int compare_itself(const struct cfs_source *s, struct answer *x,
			  struct cfs_err *err)
{
	struct cfs_digest own;
	int rc = 0;

	if (s->kind != CFS_SOURCE_IMAGE)
		return 0;
	rc = cfs_verity_digest_mem(x->expected.alg, s->map.span, &own, err);
	x->is_itself = rc == 0 && cfs_digest_eq(&own, &x->expected);
	return rc;
}

static int search_rules(const struct cfs_tree *tree, const char *program,
			struct answer *x, struct cfs_err *err)
{
	struct cli_watch watch;
	struct cfs_profile_search opts = {.watch = &watch.watch};
	int rc;

	cli_watch_start(&watch, program);
	rc = cfs_profile_find_rules(tree, &x->expected, &opts, &x->match, err);
	return cli_watch_end_reading(&watch, rc, err);
}

int expected_explain(const char *name, const struct expected_opts *opts,
		     struct cfs_source_opts source, struct cfs_err *err)
{
	struct answer x = {0};
	struct cfs_source s;
	int rc = cfs_context(err,
			     cfs_digest_parse(cfs_text(opts->digest), &x.expected, err),
			     "--expected");

	if (rc < 0)
		return rc;
	source.alg = x.expected.alg;
	source.digests = true;
	rc = cfs_source_open(&s, name, &source, err);
	if (rc < 0)
		return rc;
	x.name = s.name;
	rc = compare_itself(&s, &x, err);
	if (rc == 0)
		rc = search_rules(s.tree, opts->program, &x, err);
	if (rc == 0)
		opts->json ? print_expected_json(&x) : print_expected_answer(&x);
	cfs_source_close(&s);
	if (rc == 0)
		rc = cli_flush(err);
	return rc < 0 ? rc : x.match.found ? STATUS_SAME : STATUS_DIFFERENT;
}
