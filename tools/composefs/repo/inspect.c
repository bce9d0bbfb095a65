/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs inspect: the details of images of the repository. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "cli/times.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/image_contents.h"
#include "composefs/repo/image_rows.h"
#include "mount/mount.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	const char *format;
	bool size, json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"format", "FORMAT", AT(format),
	 "Print json, or text such as \"{{.Name}} {{.Entries}}\"", CLI_TEXT,
	 .letter = 'f', .group = "Options"},
	{"size", NULL, AT(size), "Show own and shared bytes; reads every image",
	 .letter = 's'},
	{"json", NULL, AT(json), "Print one JSON array"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE...", NULL},
	.about = "Show the details of images of the repository: IDs, "
		 "references, format,\ncontents, objects, mounts on this machine and "
		 "signatures.",
	.example =
		(const char *const[]){"composefs inspect --repo=repo os/7",
				      "composefs inspect --repo=repo --json os/7", NULL},
	.options = option_table,
};

/* An image of the command line. The line comes first: it is the row of image_fields. */
struct inspected {
	struct image_line line;
	struct image_contents in;
	struct cfs_repo_signatures signatures;
	const struct cfs_mount_table *mounts;
};

/* --- mounts ------------------------------------------------------------------------- */

/* Calls fn for the mount point of each mount of the image. */
static void visit_mounts(const struct inspected *x,
			 void (*fn)(void *ctx, const char *place), void *ctx)
{
	struct cfs_image_mount m;

	for (size_t i = 0; i < x->mounts->n; i++) {
		struct cfs_arena arena = {0};

		if (cfs_image_mount_recognize(&x->mounts->v[i], &arena, &m, NULL) > 0 &&
		    m.has_id && cfs_digest_eq(&m.id, &x->line.row->id))
			fn(ctx, m.place);
		cfs_arena_fini(&arena);
	}
}

/* --- JSON --------------------------------------------------------------------------- */

static void put_image_mount(void *ctx, const char *place)
{
	json_put_string(ctx, NULL, place);
}

/* The counts of an image as JSON. Those that image_row_put_json() writes with --size are
 * left out here, since a key must not appear twice. */
static void put_contents(struct json *j, const struct inspected *x)
{
	const struct image_contents *c = &x->in;

	json_put_uint(j, "format", c->version);
	json_put_string(j, "algorithm", cfs_hash_name(x->line.row->id.alg));
	json_put_uint(j, "directories", c->n_directories);
	json_put_uint(j, "files", c->n_files);
	json_put_uint(j, "symlinks", c->n_symlinks);
	json_put_uint(j, "others", c->n_others);
	json_put_uint(j, "file_bytes", c->file_bytes);
	json_put_int(j, "mtime_min", c->mtime_min);
	json_put_int(j, "mtime_max", c->mtime_max);
	if (x->line.row->usage)
		return; /* image_row_put_json has the following */
	json_put_uint(j, "entries", c->n_entries);
	json_put_uint(j, "objects", c->n_objects);
	json_put_uint(j, "objects_missing", c->n_missing);
	json_put_uint(j, "total_bytes", c->object_bytes);
}

static void print_inspect_json(struct json *j, const struct inspected *x)
{
	json_begin_object(j, NULL);
	image_row_put_json(j, x->line.row);
	put_contents(j, x);
	json_begin_array(j, "mounts");
	visit_mounts(x, put_image_mount, j);
	json_end(j);
	json_put_strings(j, "signatures", x->signatures.keys, x->signatures.n);
	json_end(j);
}

/* --- text --------------------------------------------------------------------------- */

static void print_label(const char *label)
{
	printf("%-13s", label);
}

static void print_line(const char *label, const char *value)
{
	print_label(label);
	cli_print(stdout, value);
	putchar('\n');
}

static void print_image_mount(void *ctx, const char *place)
{
	(void)ctx;
	print_line("Mounted at:", place);
}

static void print_usage_lines(const struct image_row *row)
{
	char own[32], shared[32];

	if (!row->usage)
		return;
	print_line("Own:", cli_format_bytes(row->usage->own, own));
	print_line("Shared:",
		   cli_format_bytes(row->usage->bytes - row->usage->own, shared));
}

/* The counts of an image for people: sizes in units, times in the local time zone. */
static void print_contents(const struct image_contents *c)
{
	char bytes[32], objects[32], first[CLI_TIME_MAX], last[CLI_TIME_MAX];

	print_label("Entries:");
	printf("%" PRIu64 " (%" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64
	       " %s)\n",
	       c->n_entries, c->n_directories,
	       cfs_plural(c->n_directories, "directory", "directories"), c->n_files,
	       cfs_plural(c->n_files, "file", "files"), c->n_symlinks,
	       cfs_plural(c->n_symlinks, "symlink", "symlinks"), c->n_others,
	       cfs_plural(c->n_others, "other", "others"));
	print_line("File sizes:", cli_format_bytes(c->file_bytes, bytes));
	print_label("Objects:");
	printf("%" PRIu64 ", %s on disk", c->n_objects,
	       cli_format_bytes(c->object_bytes, objects));
	if (c->n_missing)
		printf(", %" PRIu64 " missing", c->n_missing);
	putchar('\n');
	print_label("Modified:");
	printf("%s to %s\n", cli_format_local_time(c->mtime_min, first),
	       cli_format_local_time(c->mtime_max, last));
}

static void print_inspect_text(const struct inspected *x)
{
	const struct image_row *row = x->line.row;
	char text[WHERE_ID_MAX], when[CLI_TIME_MAX], size[32];

	print_line("ID:", where_format_id(&row->id, text));
	for (size_t i = 0; i < row->n_names; i++)
		print_line("Name:", row->names[i]);
	print_line("Created:", cli_format_local_time(row->created, when));
	print_line("Size:", cli_format_bytes(row->size, size));
	print_label("Format:");
	printf("%" PRIu32 ", %s\n", x->in.version, cfs_hash_name(row->id.alg));
	print_contents(&x->in);
	print_usage_lines(row);
	print_line("In use:", image_row_mounted(row));
	visit_mounts(x, print_image_mount, NULL);
	for (size_t i = 0; i < x->signatures.n; i++)
		print_line("Signed by:", x->signatures.keys[i]);
}

/* --- fields of templates ------------------------------------------------------------ */

static const struct image_contents *get_contents(const void *row)
{
	return &((const struct inspected *)row)->in;
}

static void put_format(FILE *to, const void *row)
{
	fprintf(to, "%" PRIu32, get_contents(row)->version);
}

static void put_algorithm(FILE *to, const void *row)
{
	fputs(cfs_hash_name(((const struct inspected *)row)->line.row->id.alg), to);
}

static void put_entry_count(FILE *to, const void *row)
{
	fprintf(to, "%" PRIu64, get_contents(row)->n_entries);
}

static void put_directories(FILE *to, const void *row)
{
	fprintf(to, "%" PRIu64, get_contents(row)->n_directories);
}

static void put_files(FILE *to, const void *row)
{
	fprintf(to, "%" PRIu64, get_contents(row)->n_files);
}

static void put_symlinks(FILE *to, const void *row)
{
	fprintf(to, "%" PRIu64, get_contents(row)->n_symlinks);
}

static const struct cli_field own_fields[] = {
	{"Format", put_format},		  {"Algorithm", put_algorithm},
	{"Entries", put_entry_count},	  {"Files", put_files},
	{"Directories", put_directories}, {"Symlinks", put_symlinks},
};

enum { FIELDS_MAX = 32 };

/* Those of images, and our own. */
static void list_inspect_fields(struct cli_field out[FIELDS_MAX])
{
	size_t n = 0;

	while (image_fields[n].name) {
		out[n] = image_fields[n];
		n++;
	}
	memcpy(out + n, own_fields, sizeof(own_fields));
	out[n + sizeof(own_fields) / sizeof(own_fields[0])] = (struct cli_field){0};
}

/* --- the command -------------------------------------------------------------------- */

struct run {
	struct options *o;
	struct cfs_repo *repo;
	struct image_rows rows;
	struct cfs_mount_table mounts;
	struct cli_field fields[FIELDS_MAX];
	struct json json;
	struct cli_watch watch;
};

/* Prints one image in the chosen form. r owns the tables that all images share; the
 * signatures are freed here. */
static int inspect_repo_image(struct run *r, const char *name, struct cfs_err *err)
{
	struct inspected x = {.mounts = &r->mounts, .line = {.full = true}};
	int rc = image_rows_resolve(&r->rows, r->repo, name, &x.line.row, err);

	if (rc == 0)
		rc = image_contents_read(r->repo, &r->watch.watch, &x.line.row->id, &x.in,
					 err);
	if (rc == 0)
		rc = cfs_repo_list_signatures(r->repo, &x.line.row->id, &x.signatures,
					      err);
	if (rc == 0) {
		x.line.name = x.line.row->n_names ? x.line.row->names[0] : NULL;
		if (r->o->json)
			print_inspect_json(&r->json, &x);
		else if (r->o->format)
			cli_template_print(stdout, r->o->format, r->fields, &x);
		else
			print_inspect_text(&x);
	}
	cfs_repo_signatures_fini(&x.signatures);
	return rc;
}

/* Prints each named image and stops at the first error. The mounts and rows are read
 * once, because that costs more than an image. The JSON is ended also after an error. */
static int inspect_images(struct run *r, char **names, struct cfs_err *err)
{
	int rc = cfs_mount_table_read(&r->mounts, err);

	if (rc == 0)
		rc = image_rows_read(r->o->name, r->repo, r->o->size, &r->watch.watch,
				     &r->rows, err);
	if (rc < 0)
		return rc;
	if (r->o->json)
		json_begin_array(&r->json, NULL);
	for (size_t i = 0; rc == 0 && names[i]; i++) {
		if (i && !r->o->json && !r->o->format)
			putchar('\n');
		rc = inspect_repo_image(r, names[i], err);
	}
	if (r->o->json)
		json_finish(&r->json);
	return rc;
}

static int check_inspect_format(struct run *r, struct cfs_err *err)
{
	struct options *o = r->o;

	if (o->format && o->json)
		return cfs_fail(err, EINVAL, "--format excludes --json");
	if (o->format && strcmp(o->format, "json") == 0) {
		o->json = true;
		o->format = NULL;
	}
	list_inspect_fields(r->fields);
	if (!o->format)
		return 0;
	o->size |= image_fields_need_usage(o->format);
	return cfs_context(err, cli_template_check(o->format, r->fields, err),
			   "--format");
}

int cmd_inspect(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	struct run r = {.o = &o, .json = {.to = stdout}};
	int status = command_begin(&syntax, argc, argv, &o, 1, argc, "expected IMAGE..."),
	    rc;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (check_inspect_format(&r, &err) < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		return CLI_USAGE;
	}
	rc = where_open(&o.where, CFS_REPO_LOOK, &r.repo, &err);
	if (rc == 0) {
		cli_watch_start(&r.watch, o.name);
		rc = inspect_images(&r, argv + optind, &err);
		cli_watch_end(&r.watch);
		image_rows_fini(&r.rows);
		cfs_mount_table_fini(&r.mounts);
		cfs_repo_close(r.repo);
	}
	return command_end(argv[0], rc, &err);
}
