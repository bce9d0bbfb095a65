/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs explain: print why two digests differ: causes, each with a count and the first examples. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/composefs.h"
#include "composefs/diff/expected.h"
#include "composefs/diff/pair_facts.h"
#include "composefs/diff/print.h"
#include "composefs/diff/trees.h"

enum {
	SHOWN_MAX = 64,	    /* bytes of a value */
	SHOWN_CAUSES = 100, /* a tree can have a million xattr names */
};

struct options {
	bool json;
	const char *expected; /* digest of one tree; NULL: compare two */
	struct where where;
	struct cfs_source_opts source;
};

static const struct cli_option option_table[] = {
	{"expected", "DIGEST", CLI_AT(struct options, expected),
	 "Find the rules by which A has this digest", CLI_TEXT, .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{"one-file-system", NULL, CLI_AT(struct options, source.one_file_system),
	 "Do not descend into other mounts"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] A B", "[OPTIONS] --expected=DIGEST A",
				       NULL},
	.about = "Print why two trees or images have different digests: the causes, the "
		 "most important\nfirst, each with examples.\n\n" TREES_ABOUT(
			 "A and B are each") "\n\nWith --expected: print which profile "
					     "(see composefs-profiles(7)), or which "
					     "rules,\ngive A that digest.",
	.status = "0 no differences, or rules found, 1 otherwise, 2 error",
	.example =
		(const char *const[]){
			"composefs explain old.cfs new.cfs",
			"composefs explain --repo=repo os/1 /mnt",
			"composefs explain --expected=$(cat published.digest) /srv/tree",
			NULL},
	.options = option_table,
};

/* What the run found out about A and B. */
struct answer {
	struct cfs_source_pair pair;
	struct cfs_causes causes; /* of the differences between the trees */
	struct pair_facts images; /* other reasons for two digests */
};

/* Compares two sources and finds the causes of their differences, which explain
 * prints. */
static int find_answer(struct answer *x, const char *name, const char *a, const char *b,
		       struct options *o, struct cfs_err *err)
{
	struct cli_watch watch;
	int rc;

	o->source.repo = trees_get_repo(&o->where);
	rc = cfs_source_pair_open(&x->pair, a, b, &o->source, err);
	if (rc < 0)
		return rc;
	cli_watch_start(&watch, name);
	rc = cfs_source_pair_compare(&x->pair, &watch.watch, err);
	if (rc == 0)
		rc = cfs_causes_find(x->pair.diff, &watch.watch, &x->causes, err);
	if (rc == 0)
		rc = pair_facts_find(&x->pair, &watch.watch, &x->images, err);
	return cli_watch_end_reading(&watch, rc, err);
}

static void release_answer(struct answer *x)
{
	cfs_causes_fini(&x->causes);
	cfs_source_pair_close(&x->pair);
}

static bool has_no_cause(const struct answer *x)
{
	return x->causes.n == 0 && !x->images.formats_differ &&
	       !x->images.blocks_differ && !x->images.times_differ &&
	       !x->images.writer_differs;
}

/* --- Text --------------------------------------------------------------------------- */

static int print_cause(const struct cfs_cause *c, bool alone, struct cfs_diff_text *t,
		       struct cfs_err *err)
{
	const struct cfs_mem *text;
	int rc = cfs_cause_format_text(t, c, &text, err);

	if (rc < 0)
		return rc;
	fwrite(text->p, 1, text->len, stdout);
	puts(alone && c->kind == CFS_CAUSE_ROOT ? " alone" : "");
	for (size_t i = 0; rc == 0 && i < c->n_first; i++) {
		fputs("    ", stdout);
		rc = print_difference(t, &t->diff->v[c->first[i]], err);
	}
	if (rc == 0 && c->n_first && c->n > c->n_first)
		puts("    ...");
	return rc;
}

/* Prints at most SHOWN_CAUSES causes, then what could not be compared. t is a buffer
 * for texts, reused for each cause. */
static int print_causes(const struct answer *x, struct cfs_diff_text *t,
			struct cfs_err *err)
{
	int rc = 0;

	pair_facts_print(&x->pair, &x->images);
	for (size_t i = 0; rc == 0 && i < x->causes.n && i < SHOWN_CAUSES; i++)
		rc = print_cause(&x->causes.v[i], x->causes.n == 1, t, err);
	if (x->causes.n > SHOWN_CAUSES)
		printf("and %zu more %s\n", x->causes.n - SHOWN_CAUSES,
		       cfs_plural(x->causes.n - SHOWN_CAUSES, "cause", "causes"));
	if (x->pair.diff->n_unproven)
		printf("%" PRIu64 " %s not compared\n", x->pair.diff->n_unproven,
		       cfs_plural(x->pair.diff->n_unproven,
				  "content has no digest and was",
				  "contents have no digest and were"));
	if (has_no_cause(x))
		puts("nothing differs");
	return rc;
}

/* --- JSON --------------------------------------------------------------------------- */

/* The JSON of one cause with its first differences. After an error the open objects
 * are ended, so that the output stays valid JSON. */
static int print_json_cause(struct json *j, const struct cfs_cause *c,
			    struct cfs_diff_text *t, struct cfs_err *err)
{
	static const char *const types[] = {"any", "directory", "file", "symlink",
					    "special"};
	const struct cfs_mem *text;
	int rc;

	json_begin_object(j, NULL);
	json_put_string(j, "cause", cfs_cause_get_name(c));
	json_put_string(j, "side",
			c->side == CFS_CAUSE_BOTH ? NULL
			: c->side == CFS_CAUSE_A  ? "A"
						  : "B");
	json_put_string(j, "type", types[c->class]);
	json_put_uint(j, "count", c->n);
	json_put_uint(j, "groups", c->n_groups);
	rc = cfs_cause_format_text(t, c, &text, err);
	if (rc == 0)
		print_json_mem(j, "text", text);
	json_begin_array(j, "first");
	for (size_t i = 0; rc == 0 && i < c->n_first; i++)
		rc = print_difference_json(j, t, &t->diff->v[c->first[i]], err);
	json_end(j);
	json_end(j);
	return rc;
}

static int print_causes_json(const struct answer *x, struct cfs_diff_text *t,
			     struct cfs_err *err)
{
	struct json j = {.to = stdout};
	int rc = 0;

	json_begin_object(&j, NULL);
	json_put_bool(&j, "same", has_no_cause(x));
	json_put_uint(&j, "not_compared", x->pair.diff->n_unproven);
	pair_facts_put_json(&j, &x->pair, &x->images);
	json_begin_array(&j, "causes");
	for (size_t i = 0; rc == 0 && i < x->causes.n; i++)
		rc = print_json_cause(&j, &x->causes.v[i], t, err);
	json_finish(&j);
	return rc;
}

/* --- The command -------------------------------------------------------------------- */

static int print_explanation(const struct options *o, const struct answer *x,
			     struct cfs_err *err)
{
	struct cfs_diff_text t;
	int rc =
		cfs_diff_text_init(&t, x->pair.diff, o->json ? SIZE_MAX : SHOWN_MAX, err);

	if (rc == 0)
		rc = o->json ? print_causes_json(x, &t, err) : print_causes(x, &t, err);
	cfs_diff_text_fini(&t);
	if (rc == 0)
		rc = cli_flush(err);
	return rc < 0 ? rc : has_no_cause(x) ? STATUS_SAME : STATUS_DIFFERENT;
}

static int explain_two(struct options *o, const char *name, char **names,
		       struct cfs_err *err)
{
	struct answer x = {0};
	int rc = find_answer(&x, name, names[0], names[1], o, err);

	if (rc == 0)
		rc = print_explanation(o, &x, err);
	release_answer(&x);
	return rc;
}

static int explain_one(struct options *o, const char *program, const char *name,
		       struct cfs_err *err)
{
	struct expected_opts opts = {program, o->expected, o->json};

	o->source.repo = trees_get_repo(&o->where);
	return expected_explain(name, &opts, o->source, err);
}

int cmd_explain(int argc, char **argv)
{
	static const char expected[] = "expected two trees, or one and --expected";
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, 2, expected), rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (argc - optind != (o.expected ? 1 : 2)) {
		cli_fail_usage(argv[0], "%s", expected);
		return STATUS_TROUBLE;
	}
	if (o.expected)
		rc = explain_one(&o, argv[0], argv[optind], &err);
	else
		rc = explain_two(&o, argv[0], argv + optind, &err);
	if (rc < 0)
		cli_print_message(argv[0], "%s", err.msg);
	return rc < 0 ? STATUS_TROUBLE : rc;
}
