/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs images: list the images of the repository. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/watch.h"
#include "composefs/cfsctl_text.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/image_filter.h"

enum sort_key { BY_NAME, BY_CREATED, BY_SIZE, BY_OBJECTS, BY_OWN, BY_SHARED };

static const struct cli_choice sort_keys[] = {
	{"name", BY_NAME},
	{"created", BY_CREATED},
	{"size", BY_SIZE},
	{"objects", BY_OBJECTS},
	{"own", BY_OWN},
	{"shared", BY_SHARED},
	{0},
};

struct options {
	const char *name; /* of the program */
	struct where where;
	struct cli_list filters;
	const char *format;
	enum sort_key sort;
	bool quiet, no_trunc, size, json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"filter", "KEY=VALUE", AT(filters),
	 "List images with name=GLOB, mounted=BOOL, signed=BOOL, since=WHEN, ...",
	 CLI_LIST, .word = image_filter_get_word, .letter = 'f', .group = "Options"},
	{"format", "FORMAT", AT(format),
	 "Print json, or text such as \"{{.Name}} {{.ID}}\"", CLI_TEXT},
	{"size", NULL, AT(size), "Show objects, own and shared bytes; reads every image",
	 .letter = 's'},
	{"sort", "KEY", AT(sort),
	 "Order by name (default), created, size, objects, own or shared", CLI_CHOICE,
	 .choices = sort_keys},
	{"quiet", NULL, AT(quiet), "Print only the IDs of the images", .letter = 'q'},
	{"no-trunc", NULL, AT(no_trunc), "Print complete IDs"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [IMAGE]...", NULL},
	.about = "List all images of the repository, or those that are given. Each "
		 "reference "
		 "has a line. An\nimage without a reference is listed as <none>; gc "
		 "removes it unless it is mounted,\nor that of a container image "
		 "(composefs oci images).",
	.example =
		(const char *const[]){"composefs images --repo=repo",
				      "composefs images --repo=repo --size --sort=own",
				      "composefs images --repo=repo "
				      "--filter='name=os/*' --format='{{.Name}} {{.ID}}'",
				      NULL},
	.options = option_table,
};

/* --- lines -------------------------------------------------------------------------- */

struct lines {
	struct image_line *v;
	size_t n, cap;
};

static int add_image_line(const struct options *o, const struct image_filters *filters,
			  const struct image_row *row, const char *name,
			  struct lines *out, struct cfs_err *err)
{
	struct image_line line = {row, name, o->no_trunc};

	if (!image_filters_match(filters, &line))
		return 0;
	if (cfs_grow(&out->v, &out->cap, out->n + 1, sizeof(*out->v)) < 0)
		return cfs_fail(err, ENOMEM, "out of memory");
	out->v[out->n++] = line;
	return 0;
}

/* JSON and --quiet have each image once. */
static int add_image_row(const struct options *o, const struct image_filters *filters,
			 const struct image_row *row, struct lines *out,
			 struct cfs_err *err)
{
	size_t before = out->n;
	int rc = 0;

	if (row->n_names == 0)
		return add_image_line(o, filters, row, NULL, out, err);
	for (size_t i = 0; rc == 0 && i < row->n_names; i++) {
		rc = add_image_line(o, filters, row, row->names[i], out, err);
		if ((o->json || o->quiet) && out->n > before)
			break;
	}
	return rc;
}

static bool has_row(const struct lines *lines, const struct image_row *row)
{
	for (size_t i = 0; i < lines->n; i++)
		if (lines->v[i].row == row)
			return true;
	return false;
}

/* Adds the row of an image that was named as an operand; one that was named twice is
 * listed once. */
static int add_named_image(const struct options *o, const struct image_filters *filters,
			   const struct cfs_repo *repo, const struct image_rows *rows,
			   const char *name, struct lines *out, struct cfs_err *err)
{
	const struct image_row *row;
	int rc = image_rows_resolve(rows, repo, name, &row, err);
	char advice[256];

	if (rc == -ENOENT && strpbrk(name, "*?")) {
		snprintf(advice, sizeof(advice),
			 "--filter=\"name=%.128s\" lists those that match", name);
		return cli_add_advice(rc, err, advice);
	}
	return rc < 0 || has_row(out, row) ? rc
					   : add_image_row(o, filters, row, out, err);
}

static int choose_lines(const struct options *o, const struct cfs_repo *repo,
			const struct image_rows *rows, char **names, struct lines *out,
			struct cfs_err *err)
{
	struct image_filters filters = {0};
	int rc = image_filters_parse(&o->filters, repo, rows, &filters, err);

	for (size_t i = 0; rc == 0 && !*names && i < rows->n; i++)
		rc = add_image_row(o, &filters, &rows->v[i], out, err);
	for (; rc == 0 && *names; names++)
		rc = add_named_image(o, &filters, repo, rows, *names, out, err);
	image_filters_fini(&filters);
	return rc;
}

/* --- order -------------------------------------------------------------------------- */

static uint64_t get_sort_value(const struct image_line *l, enum sort_key key)
{
	const struct cfs_gc_usage_image *u = l->row->usage;

	if (key == BY_CREATED) /* negative times before the others */
		return (uint64_t)l->row->created ^ (uint64_t)1 << 63;
	if (key == BY_SIZE)
		return l->row->size;
	if (key == BY_NAME || !u)
		return 0;
	if (key == BY_OBJECTS)
		return u->n_objects;
	return key == BY_OWN ? u->own : u->bytes - u->own;
}

/* Largest and newest first, then by name; images without a name come last. */
static int compare_lines(const void *a, const void *b, void *key)
{
	const struct image_line *x = a, *y = b;
	uint64_t p = get_sort_value(x, *(const enum sort_key *)key);
	uint64_t q = get_sort_value(y, *(const enum sort_key *)key);

	if (p != q)
		return p > q ? -1 : 1;
	if (!x->name != !y->name)
		return x->name ? -1 : 1;
	if (x->name)
		return strcmp(x->name, y->name);
	return memcmp(x->row->id.bytes, y->row->id.bytes, sizeof(x->row->id.bytes));
}

/* --- printing ----------------------------------------------------------------------- */

static const struct cli_column columns[] = {
	{"NAME", false},   {"IMAGE ID", false}, {"CREATED", false},
	{"SIZE", true},	   {"MOUNTED", false},	{"SIGNED", false},
	{"OBJECTS", true}, {"OWN", true},	{"SHARED", true},
};
enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]), N_CHEAP_COLUMNS = 6 };

static void add_usage_cells(struct cli_table *t, const struct image_row *row)
{
	const struct cfs_gc_usage_image *u = row->usage;
	char objects[32] = "-", own[32] = "-", shared[32] = "-";

	if (u) {
		snprintf(objects, sizeof(objects), "%ju", (uintmax_t)u->n_objects);
		cli_format_bytes(u->own, own);
		cli_format_bytes(u->bytes - u->own, shared);
	}
	cli_table_add(t, objects);
	cli_table_add(t, own);
	cli_table_add(t, shared);
}

static void add_image_cells(struct cli_table *t, const struct image_line *l)
{
	const struct image_row *row = l->row;
	char text[WHERE_ID_MAX], when[CLI_TIME_MAX], size[32];

	cli_table_add(t, l->name ? l->name : "<none>");
	cli_table_add(t, where_format_short_id(&row->id, l->full, text));
	cli_table_add(t, cli_format_local_time(row->created, when));
	cli_table_add(t, row->is_missing ? "missing" : cli_format_bytes(row->size, size));
	cli_table_add(t, image_row_mounted(row));
	cli_table_add(t, row->is_signed ? "yes" : "no");
	if (t->n_columns > N_CHEAP_COLUMNS)
		add_usage_cells(t, row);
}

static int print_image_table(const struct options *o, const struct lines *lines,
			     struct cfs_err *err)
{
	struct cli_table t = {.columns = columns,
			      .n_columns = o->size ? N_COLUMNS : N_CHEAP_COLUMNS};
	int rc;

	for (size_t i = 0; i < lines->n; i++)
		add_image_cells(&t, &lines->v[i]);
	rc = cli_table_print(stdout, &t, err);
	cli_table_fini(&t);
	return rc;
}

static void print_image_json(const struct lines *lines)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_begin_array(&j, "images");
	for (size_t i = 0; i < lines->n; i++) {
		json_begin_object(&j, NULL);
		image_row_put_json(&j, lines->v[i].row);
		json_end(&j);
	}
	json_finish(&j);
}

static void print_image_ids(const struct options *o, const struct lines *lines)
{
	char text[WHERE_ID_MAX];

	for (size_t i = 0; i < lines->n; i++)
		puts(where_format_short_id(&lines->v[i].row->id, o->no_trunc, text));
}

static int print_image_lines(const struct options *o, const struct lines *lines,
			     struct cfs_err *err)
{
	if (o->json)
		print_image_json(lines);
	else if (o->quiet)
		print_image_ids(o, lines);
	else if (!o->format)
		return print_image_table(o, lines, err);
	for (size_t i = 0; o->format && i < lines->n; i++)
		cli_template_print(stdout, o->format, image_fields, &lines->v[i]);
	return 0;
}

/* --- the command -------------------------------------------------------------------- */

static int list_chosen_images(struct options *o, const struct cfs_repo *repo,
			      const struct image_rows *rows, char **names,
			      struct cfs_err *err)
{
	struct lines lines = {0};
	int rc = choose_lines(o, repo, rows, names, &lines, err);

	if (rc == 0 && lines.n)
		qsort_r(lines.v, lines.n, sizeof(*lines.v), compare_lines, &o->sort);
	if (rc == 0)
		rc = print_image_lines(o, &lines, err);
	free(lines.v);
	return rc;
}

/* 1: printed, but images are missing that could not be read. */
static int run_images(struct options *o, char **names, struct cfs_err *err)
{
	struct image_rows rows = {0};
	struct cli_watch watch;
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_LOOK, &repo, err);

	if (rc < 0)
		return rc;
	if (cli_is_cfsctl()) {
		rc = cfsctl_print_images(o->name, repo, o->json, err);
	} else {
		cli_watch_start(&watch, o->name);
		rc = image_rows_read(o->name, repo, o->size, &watch.watch, &rows, err);
		rc = cli_watch_end_reading(&watch, rc, err);
		if (rc == 0)
			rc = list_chosen_images(o, repo, &rows, names, err);
		if (rc == 0)
			rc = !rows.is_complete;
	}
	image_rows_fini(&rows);
	cfs_repo_close(repo);
	return rc;
}

/* Checks what is printed, before anything is read. Some columns need the sizes of all
 * objects, which takes time. */
static int check_images_format(struct options *o, struct cfs_err *err)
{
	if (o->format && o->json + o->quiet > 0)
		return cfs_fail(err, EINVAL, "--format excludes --json and --quiet");
	if (o->json && o->quiet)
		return cfs_fail(err, EINVAL, "--json and --quiet exclude each other");
	if (o->format && strcmp(o->format, "json") == 0) {
		o->json = true;
		o->format = NULL;
	}
	o->size |= o->sort >= BY_OBJECTS;
	if (!o->format)
		return 0;
	o->size |= image_fields_need_usage(o->format);
	return cfs_context(err, cli_template_check(o->format, image_fields, err),
			   "--format");
}

int cmd_images(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 0, cli_is_cfsctl() ? 0 : argc,
				   "expected no operand"),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (check_images_format(&o, &err) < 0 ||
	    image_filters_check(&o.filters, &err) < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		cli_list_fini(&o.filters);
		return CLI_USAGE;
	}
	rc = run_images(&o, argv + optind, &err);
	cli_list_fini(&o.filters);
	return rc > 0 ? CLI_FAILED : command_end(argv[0], rc, &err);
}
