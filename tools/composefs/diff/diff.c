/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs diff: list the differences between two trees, one line for each field. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/composefs.h"
#include "composefs/diff/print.h"
#include "composefs/diff/trees.h"

enum { SHOWN_MAX = 64 };

struct options {
	bool stat, json;
	struct where where;
	struct cfs_source_opts source;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"stat", NULL, AT(stat), "Print counts by field and type instead of entries",
	 .group = "Options"},
	{"json", NULL, AT(json), "Print one JSON object"},
	{"one-file-system", NULL, CLI_AT(struct options, source.one_file_system),
	 "Do not descend into other mounts"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] A B", NULL},
	.about = "List the differences between two trees: path, field, value in A, value "
		 "in "
		 "B; then a\nsummary.\n\n" TREES_ABOUT("A and B are each"),
	.status = "0 the trees are the same, 1 they differ, 2 error",
	.example = (const char *const[]){"composefs diff old.cfs new.cfs",
					 "composefs diff --stat --repo=repo os/1 /mnt",
					 "composefs-info dump old.cfs | composefs diff - "
					 "new.cfs",
					 NULL},
	.options = option_table,
};

/* --- Counts ------------------------------------------------------------------------- */

enum { ONLY_A, ONLY_B, FIELDS, N_ROWS = FIELDS + CFS_DIFF_N_FIELDS };
enum { DIRECTORIES, FILES, SYMLINKS, OTHERS, N_COLUMNS };

static const char *const columns[N_COLUMNS] = {"directories", "files", "symlinks",
					       "others"};

/* Differences by field and file type. Rows of entries on one side, contents and sizes also count bytes. */
struct counts {
	uint64_t n[N_ROWS][N_COLUMNS];
	uint64_t bytes_a[N_ROWS], bytes_b[N_ROWS];
};

static int column_of(const struct cfs_node *n)
{
	if (S_ISDIR(n->mode))
		return DIRECTORIES;
	if (S_ISREG(n->mode))
		return FILES;
	return S_ISLNK(n->mode) ? SYMLINKS : OTHERS;
}

static const struct cfs_node *get_inode(const struct cfs_tree *t, cfs_id name)
{
	return name == CFS_NO_NODE ? NULL : &t->nodes[cfs_tree_inode(t, name)];
}

static uint64_t file_size(const struct cfs_node *n)
{
	return n && S_ISREG(n->mode) ? n->size : 0;
}

static void count_diff_changes(const struct cfs_diff *d, struct counts *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < d->n; i++) {
		const struct cfs_difference *v = &d->v[i];
		const struct cfs_node *a = get_inode(d->a, v->a),
				      *b = get_inode(d->b, v->b);
		int row = FIELDS + v->field;

		if (v->field == CFS_DIFF_ENTRY)
			row = a ? ONLY_A : ONLY_B;
		out->n[row][column_of(a ? a : b)]++;
		out->bytes_a[row] += file_size(a);
		out->bytes_b[row] += file_size(b);
	}
}

static bool has_bytes(int row)
{
	return row < FIELDS || row == FIELDS + CFS_DIFF_CONTENT ||
	       row == FIELDS + CFS_DIFF_SIZE;
}

static const char *row_name(int row)
{
	if (row < FIELDS)
		return row == ONLY_A ? "only-in-a" : "only-in-b";
	return cfs_diff_get_field_name((enum cfs_diff_field)(row - FIELDS));
}

/* The same as a key of JSON. */
static const char *row_key(int row)
{
	if (row < FIELDS)
		return row == ONLY_A ? "only_in_a" : "only_in_b";
	return row_name(row);
}

static bool is_row_empty(const struct counts *c, int row)
{
	uint64_t sum = 0;

	for (int i = 0; i < N_COLUMNS; i++)
		sum += c->n[row][i];
	return sum == 0;
}

/* The table of --stat. Rows without any difference are left out; bytes appear only for
 * types that have a size. */
static void print_stat(const struct counts *c)
{
	char in_a[32], in_b[32];

	printf("%-10s", "");
	for (int i = 0; i < N_COLUMNS; i++)
		printf(" %11s", columns[i]);
	puts("       A bytes       B bytes");
	for (int row = 0; row < N_ROWS; row++) {
		if (is_row_empty(c, row))
			continue;
		printf("%-10s", row_name(row));
		for (int i = 0; i < N_COLUMNS; i++)
			printf(" %11" PRIu64, c->n[row][i]);
		if (has_bytes(row))
			printf(" %13s %13s", cli_format_bytes(c->bytes_a[row], in_a),
			       cli_format_bytes(c->bytes_b[row], in_b));
		putchar('\n');
	}
}

static void print_stat_json(struct json *j, const struct counts *c)
{
	json_begin_object(j, "stat");
	for (int row = 0; row < N_ROWS; row++) {
		if (is_row_empty(c, row))
			continue;
		json_begin_object(j, row_key(row));
		for (int i = 0; i < N_COLUMNS; i++)
			json_put_uint(j, columns[i], c->n[row][i]);
		if (has_bytes(row)) {
			json_put_uint(j, "bytes_a", c->bytes_a[row]);
			json_put_uint(j, "bytes_b", c->bytes_b[row]);
		}
		json_end(j);
	}
	json_end(j);
}

/* --- Entries ------------------------------------------------------------------------ */

static int print_diff_lines(struct cfs_diff_text *t, const struct cfs_diff *d,
			    struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < d->n; i++)
		rc = print_difference(t, &d->v[i], err);
	return rc;
}

static int print_json_lines(struct json *j, struct cfs_diff_text *t,
			    const struct cfs_diff *d, struct cfs_err *err)
{
	int rc = 0;

	json_begin_array(j, "differences");
	for (size_t i = 0; rc == 0 && i < d->n; i++)
		rc = print_difference_json(j, t, &d->v[i], err);
	json_end(j);
	return rc;
}

/* j: NULL for text. */
static int print_differences(struct json *j, const struct cfs_diff *d,
			     struct cfs_err *err)
{
	struct cfs_diff_text t;
	int rc = cfs_diff_text_init(&t, d, j ? SIZE_MAX : SHOWN_MAX, err);

	if (rc == 0)
		rc = j ? print_json_lines(j, &t, d, err) : print_diff_lines(&t, d, err);
	cfs_diff_text_fini(&t);
	return rc;
}

static void print_diff_summary(const struct cfs_diff *d)
{
	uint64_t n = d->n_both + d->n_only_a + d->n_only_b;

	if (d->n == 0)
		printf("the trees are the same: %" PRIu64 " %s", n,
		       cfs_plural(n, "entry", "entries"));
	else
		printf("%" PRIu64 " %s: %" PRIu64 " only in A, %" PRIu64
		       " only in B, %" PRIu64 " changed, %" PRIu64 " the same",
		       n, cfs_plural(n, "entry", "entries"), d->n_only_a, d->n_only_b,
		       d->n_changed, d->n_both - d->n_changed);
	if (d->n_unproven)
		printf("; %" PRIu64 " %s not compared", d->n_unproven,
		       cfs_plural(d->n_unproven, "content has no digest and was",
				  "contents have no digest and were"));
	putchar('\n');
}

static int print_diff_text(const struct options *o, const struct cfs_diff *d,
			   const struct counts *counts, struct cfs_err *err)
{
	int rc = o->stat ? 0 : print_differences(NULL, d, err);

	if (o->stat && d->n)
		print_stat(counts);
	if (rc == 0)
		print_diff_summary(d);
	return rc;
}

/* The object of --json. The list of differences may fail, for example without memory;
 * the JSON is ended also then. */
static int print_diff_json(const struct options *o, const struct cfs_diff *d,
			   const struct counts *counts, struct cfs_err *err)
{
	struct json j = {.to = stdout};
	int rc = 0;

	json_begin_object(&j, NULL);
	json_put_bool(&j, "same", d->n == 0);
	json_put_uint(&j, "entries", d->n_both + d->n_only_a + d->n_only_b);
	json_put_uint(&j, "only_in_a", d->n_only_a);
	json_put_uint(&j, "only_in_b", d->n_only_b);
	json_put_uint(&j, "changed", d->n_changed);
	json_put_uint(&j, "not_compared", d->n_unproven);
	if (o->stat)
		print_stat_json(&j, counts);
	else
		rc = print_differences(&j, d, err);
	json_finish(&j);
	return rc;
}

static int print_diff_report(const struct options *o, const struct cfs_diff *d,
			     struct cfs_err *err)
{
	struct counts counts;
	int rc;

	count_diff_changes(d, &counts);
	rc = o->json ? print_diff_json(o, d, &counts, err)
		     : print_diff_text(o, d, &counts, err);
	if (rc == 0)
		rc = cli_flush(err);
	if (rc < 0)
		return rc;
	return d->n ? STATUS_DIFFERENT : STATUS_SAME;
}

int cmd_diff(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 2, 2, "expected two trees"),
	    rc;
	struct cfs_source_pair pair;
	struct cli_watch watch;
	struct cfs_err err;

	if (status >= 0)
		return status;
	o.source.repo = trees_get_repo(&o.where);
	rc = cfs_source_pair_open(&pair, argv[optind], argv[optind + 1], &o.source, &err);
	if (rc == 0) {
		cli_watch_start(&watch, argv[0]);
		rc = cfs_source_pair_compare(&pair, &watch.watch, &err);
		rc = cli_watch_end_reading(&watch, rc, &err);
	}
	if (rc == 0)
		rc = print_diff_report(&o, pair.diff, &err);
	cfs_source_pair_close(&pair);
	if (rc < 0)
		cli_print_message(argv[0], "%s", err.msg);
	return rc < 0 ? STATUS_TROUBLE : rc;
}
