/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Searches for the rules that give an expected digest: first the profiles, then every
 * combination of rules that makes a difference for this tree.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "profile/profile_priv.h"

/* --- candidates ---------------------------------------------------------------------- */

enum { VALUES_MAX = 6 };

/* The values of one rule that give different trees. */
struct choice {
	int values[VALUES_MAX];
	size_t n;
};

static void add_value(struct choice *c, int value)
{
	c->values[c->n++] = value;
}

/* The properties of a tree that make rules differ. */
struct features {
	bool links, whiteouts, nsec, times, usr;
	bool user, capability, other; /* xattrs */
	bool unshown;		      /* an xattr that a mount does not show */
	bool deletions, before_1970;
	bool small, large, programs; /* contents: up to 64 bytes, larger; with an x bit */
	bool small_outside;	     /* a small file without content */
};

static void find_xattr_features(const struct cfs_tree *t, struct features *l)
{
	for (uint32_t i = 0; i < t->n_keys; i++) {
		if (cfs_text_has_prefix(t->keys[i], CFS_TEXT("user.")))
			l->user = true;
		else if (cfs_text_eq(t->keys[i], CFS_TEXT("security.capability")))
			l->capability = true;
		else
			l->other = true;
		l->unshown |= !cfs_image_shows_xattr(t->keys[i]);
	}
}

/* Adds what one inode makes possible: rules that cannot change this tree need not be
 * tried. */
static void find_node_features(const struct cfs_node *n, struct features *l)
{
	bool is_small = n->size <= CFS_INLINE_64;

	if (cfs_node_is_link(n)) {
		l->links = true;
		return;
	}
	l->links |= !S_ISDIR(n->mode) && n->nlink != 1;
	l->whiteouts |= cfs_node_is_whiteout(n);
	l->nsec |= n->mtime_nsec != 0;
	l->before_1970 |= n->mtime_sec < 0;
	l->times |= n->mtime_sec != 0 || n->mtime_nsec != 0;
	if (!S_ISREG(n->mode) || n->size == 0)
		return;
	l->small |= is_small && n->content;
	l->large |= !is_small && n->content;
	l->programs |= n->content && (n->mode & 0111);
	l->small_outside |= is_small && !n->content;
}

static int find_deletion_features(const struct cfs_tree *t, struct features *l,
				  struct cfs_err *err)
{
	cfs_autofree uint8_t *marks = NULL;
	int rc = cfs_deletions_mark(t, &marks, err);

	for (cfs_id id = 0; rc == 0 && id < t->n_nodes; id++)
		l->deletions |= marks[id] & (CFS_DELETION_LINK | CFS_DELETION_OPAQUE);
	return rc;
}

static int find_features(const struct cfs_tree *t, struct features *out,
			 struct cfs_err *err)
{
	struct features l = {0};
	cfs_id usr = cfs_tree_find(t, CFS_ROOT, CFS_TEXT("usr"));

	find_xattr_features(t, &l);
	for (uint32_t i = 0; i < t->n_nodes; i++)
		find_node_features(&t->nodes[i], &l);
	l.usr = usr != CFS_NO_NODE && S_ISDIR(t->nodes[usr].mode);
	*out = l;
	return find_deletion_features(t, out, err);
}

enum {
	LINKS,
	XATTRS,
	MTIME,
	ROOT,
	DELETIONS,
	FIRST_TIME,
	INLINE,
	EXECUTABLES,
	N_CHOICES
};

static void choose_xattrs(const struct features *l, struct choice *c)
{
	add_value(c, CFS_XATTRS_ALL);
	if (l->user && (l->capability || l->other))
		add_value(c, CFS_XATTRS_USER);
	if (l->capability && (l->user || l->other))
		add_value(c, CFS_XATTRS_OCI);
	if (l->user && l->capability && l->other)
		add_value(c, CFS_XATTRS_OCI_USER);
	if (l->user || l->capability || l->other)
		add_value(c, CFS_XATTRS_NONE);
	if (l->unshown)
		add_value(c, CFS_XATTRS_SHOWN);
}

static void choose_contents(const struct features *l, struct choice c[N_CHOICES])
{
	if (!l->small_outside)
		add_value(&c[INLINE], CFS_INLINE_64);
	if (l->large || l->small_outside)
		add_value(&c[INLINE], CFS_INLINE_FOUND);
	if (l->small || l->large)
		add_value(&c[INLINE], CFS_INLINE_NONE);
	add_value(&c[EXECUTABLES], false);
	if (l->programs)
		add_value(&c[EXECUTABLES], true);
}

/* Lists per rule the values that can make a difference for this tree. Their product is
 * the number of combinations, so each value left out halves the work. */
static void choose_values(const struct features *l, struct choice c[N_CHOICES])
{
	add_value(&c[LINKS], CFS_LINKS_KEPT);
	if (l->links)
		add_value(&c[LINKS], CFS_LINKS_FLATTENED);
	choose_xattrs(l, &c[XATTRS]);
	add_value(&c[MTIME], CFS_MTIME_NSEC);
	if (l->nsec)
		add_value(&c[MTIME], CFS_MTIME_SEC);
	if (l->times)
		add_value(&c[MTIME], CFS_MTIME_EPOCH);
	add_value(&c[ROOT], CFS_ROOT_FOUND);
	if (l->usr)
		add_value(&c[ROOT], CFS_ROOT_USR);
	add_value(&c[DELETIONS], CFS_DELETIONS_KEPT);
	if (l->deletions)
		add_value(&c[DELETIONS], CFS_DELETIONS_LOST);
	if (l->deletions)
		add_value(&c[DELETIONS], CFS_DELETIONS_TWICE);
	add_value(&c[FIRST_TIME], CFS_TIME_UNSIGNED);
	if (l->before_1970)
		add_value(&c[FIRST_TIME], CFS_TIME_SIGNED);
	choose_contents(l, c);
}

/* Returns combination i. */
static struct cfs_profile_rules get_combination(const struct choice c[N_CHOICES],
						enum cfs_hash_alg alg, size_t i)
{
	int v[N_CHOICES];

	for (int k = 0; k < N_CHOICES; k++) {
		v[k] = c[k].values[i % c[k].n];
		i /= c[k].n;
	}
	return (struct cfs_profile_rules){
		.alg = alg,
		.links = (enum cfs_links_rule)v[LINKS],
		.xattrs = (enum cfs_xattr_rule)v[XATTRS],
		.mtime = (enum cfs_mtime_rule)v[MTIME],
		.root = (enum cfs_root_rule)v[ROOT],
		.deletions = (enum cfs_deletion_rule)v[DELETIONS],
		.first_time = (enum cfs_time_rule)v[FIRST_TIME],
		.inline_max = v[INLINE],
		.executables_outside = v[EXECUTABLES],
	};
}

/* --- comparing ----------------------------------------------------------------------- */

/* A set of rules, and the result of comparing. */
struct candidate {
	struct cfs_profile_rules rules; /* after a match also with its format */
	bool fits, impossible;
};

struct search {
	const struct cfs_tree *tree;
	const struct cfs_digest *expected;
	const struct cfs_profile_search *opts;
	struct candidate *candidates;
	size_t n;
	const struct cfs_profile_rules
		*formats; /* formats to try; NULL: that of each candidate */
	size_t n_formats;
	atomic_size_t best; /* the first match; later candidates are not started */
	atomic_size_t n_done;
};

/* Records that the rules cannot be applied to the tree. Only -ENOMEM and -ECANCELED are errors
 * of the search. */
static int mark_impossible(struct candidate *c, int rc)
{
	c->impossible = true;
	return rc == -ENOMEM || rc == -ECANCELED ? rc : 0;
}

static void set_best(struct search *s, size_t i)
{
	size_t best = atomic_load(&s->best);

	while (i < best && !atomic_compare_exchange_weak(&s->best, &best, i)) {
	}
}

/* Measures one changed tree in every image format: that is cheaper than applying the
 * rules again. A format that cannot hold the tree makes the candidate impossible, not
 * the search fail. */
static int try_formats(const struct search *s, const struct cfs_tree *ruled,
		       struct candidate *c, struct cfs_err *err)
{
	struct cfs_profile_rules rules = c->rules;
	struct cfs_digest got;

	for (size_t k = 0; k < s->n_formats && !c->fits; k++) {
		int rc;

		if (s->formats) {
			rules.format = s->formats[k].format;
			rules.no_blocks = s->formats[k].no_blocks;
		}
		rc = cfs_profile_measure(ruled, &rules, s->opts->watch, &got, err);
		if (rc < 0)
			return mark_impossible(c, rc);
		c->fits = cfs_digest_eq(&got, s->expected);
	}
	if (c->fits)
		c->rules = rules;
	return 0;
}

/* The job of one thread: writes only to candidate i. Candidates behind the best match
 * so far are skipped, which keeps the result independent of thread timing. */
static int try_candidate(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct search *s = ctx;
	struct candidate *c = &s->candidates[i];
	struct cfs_tree *ruled;
	int rc;

	if (i > atomic_load(&s->best))
		return 0;
	rc = cfs_profile_apply(s->tree, &c->rules, s->opts->watch, &ruled, err);
	if (rc < 0)
		return mark_impossible(c, rc);
	rc = try_formats(s, ruled, c, err);
	cfs_tree_free(ruled);
	/* All matching profiles are reported, so the search does not end at the first. */
	if (c->fits && s->formats)
		set_best(s, i);
	atomic_fetch_add(&s->n_done, 1);
	if (worker == 0)
		cfs_watch_progress(s->opts->watch,
				   &(struct cfs_progress){.stage = "sets of rules",
							  .done = atomic_load(&s->n_done),
							  .all = s->n});
	return rc;
}

/* Applies the rules again to get the message. */
static int find_mismatch_reason(const struct search *s, const struct candidate *c,
				struct cfs_err *why, struct cfs_err *err)
{
	struct cfs_digest digest;
	int rc = cfs_profile_digest(s->tree, &c->rules, s->opts->watch, &digest, why);

	if (rc == -ENOMEM)
		return cfs_fail(err, ENOMEM, "out of memory");
	return rc == -ECANCELED ? rc : 0;
}

/* Tries all candidates and collects the results that profiles and combinations share. */
static int try_all(struct search *s, struct cfs_profile_match *m, struct cfs_err *err)
{
	unsigned threads = s->opts->threads ? s->opts->threads : cfs_pool_count_cpus();
	int rc;

	atomic_init(&s->best, SIZE_MAX);
	atomic_init(&s->n_done, 0);
	m->n_candidates += s->n * s->n_formats;
	rc = cfs_pool_run(threads, s->n, try_candidate, s, s->opts->watch, err);
	for (size_t i = 0; rc == 0 && i < s->n; i++) {
		const struct candidate *c = &s->candidates[i];

		if (c->fits && !m->found) {
			m->found = true;
			m->rules = c->rules;
		}
		m->n_impossible += c->impossible;
		if (c->impossible && !m->why.msg[0])
			rc = find_mismatch_reason(s, c, &m->why, err);
	}
	return rc == -ECANCELED ? cfs_watch_poll(s->opts->watch, err) : rc;
}

/* --- profiles and combinations ------------------------------------------------------- */

/* Tries every named profile of the expected algorithm, and lists all that match in m.
 * They live on the stack, so s->candidates is invalid afterwards. */
static int try_profiles(struct search *s, struct cfs_profile_match *m,
			struct cfs_err *err)
{
	struct candidate named[CFS_PROFILES_MAX] = {0};
	const struct cfs_profile *profiles[CFS_PROFILES_MAX];
	int rc;

	s->candidates = named;
	s->n = 0;
	s->formats = NULL;
	s->n_formats = 1;
	for (const struct cfs_profile *p = cfs_profiles; p->name; p++) {
		if (p->rules.alg != s->expected->alg)
			continue;
		profiles[s->n] = p;
		named[s->n++].rules = p->rules;
	}
	m->n_named = s->n;
	rc = try_all(s, m, err);
	for (size_t i = 0; rc == 0 && i < s->n; i++)
		if (named[i].fits)
			m->profiles[m->n_profiles++] = profiles[i];
	return rc;
}

/* Tries every combination of rules that can matter for this tree. Owns the candidates
 * while it runs; -ENOMEM is the only error of its own. */
static int try_combinations(struct search *s, struct cfs_profile_match *m,
			    struct cfs_err *err)
{
	struct cfs_profile_rules formats[] = {
		{.format = CFS_FORMAT_1},
		{.format = CFS_FORMAT_0_OR_1},
		{.format = CFS_FORMAT_1, .no_blocks = true},
		{.format = CFS_FORMAT_0_OR_1, .no_blocks = true},
	};
	struct choice c[N_CHOICES] = {0};
	struct features l;
	int rc = find_features(s->tree, &l, err);

	if (rc < 0)
		return rc;
	if (l.whiteouts)
		formats[1].format = formats[3].format = CFS_FORMAT_0;
	m->deletions_matter = l.deletions;
	m->times_matter = l.before_1970;
	choose_values(&l, c);
	s->n = 1;
	for (int k = 0; k < N_CHOICES; k++)
		s->n *= c[k].n;
	s->formats = formats;
	s->n_formats = sizeof(formats) / sizeof(formats[0]);
	s->candidates = calloc(s->n, sizeof(*s->candidates));
	if (!s->candidates)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < s->n; i++)
		s->candidates[i].rules = get_combination(c, s->expected->alg, i);
	rc = try_all(s, m, err);
	free(s->candidates);
	return rc;
}

int cfs_profile_find_rules(const struct cfs_tree *tree, const struct cfs_digest *expected,
			   const struct cfs_profile_search *opts,
			   struct cfs_profile_match *out, struct cfs_err *err)
{
	struct search s = {.tree = tree, .expected = expected, .opts = opts};
	int rc;

	*out = (struct cfs_profile_match){0};
	rc = try_profiles(&s, out, err);
	if (rc == 0 && !out->found)
		rc = try_combinations(&s, out, err);
	return rc;
}
