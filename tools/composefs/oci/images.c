/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci images, inspect: the container images of the repository. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/template.h"
#include "composefs/oci/container_rows.h"
#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
	struct cli_list filters;
	const char *format, *platform;
	enum container_sort sort;
	bool quiet, no_trunc, json, manifest, config;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_choice sort_keys[] = {
	{"name", CONTAINERS_BY_NAME},
	{"created", CONTAINERS_BY_CREATED},
	{"layers", CONTAINERS_BY_LAYERS},
	{0},
};

static const struct cli_option images_table[] = {
	{"filter", "KEY=VALUE", AT(filters),
	 "List only images with name=GLOB, platform=GLOB, since=TIME or before=TIME",
	 CLI_LIST, .letter = 'f', .group = "Options"},
	{"format", "FORMAT", AT(format),
	 "Print json, or text such as \"{{.Tag}} {{.ID}}\"", CLI_TEXT},
	{"sort", "KEY", AT(sort), "Order by name, created or layers", CLI_CHOICE,
	 .choices = sort_keys},
	{"quiet", NULL, AT(quiet), "Print only the IDs of the images", .letter = 'q'},
	{"no-trunc", NULL, AT(no_trunc), "Print complete digests and IDs"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_option inspect_table[] = {
	{"manifest", NULL, AT(manifest), "Print the manifest as it was pulled",
	 .group = "Options"},
	{"config", NULL, AT(config), "Print the configuration as it was pulled"},
	{"platform", "OS/ARCH[/VARIANT]", AT(platform),
	 "Use the image of an index for this platform (default: this machine)", CLI_TEXT},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax images_syntax = {
	.usage = (const char *const[]){"[OPTIONS] [TAG]...", NULL},
	.about = "List the container images of the repository, or those with the given "
		 "tags: tag, digest\n"
		 "of the manifest, platform, number of layers, and image ID.",
	.example = (const char *const[]){"composefs oci images --repo=repo",
					 "composefs oci images --repo=repo "
					 "--filter='name=app*' "
					 "--format='{{.Tag}} {{.Digest}}'",
					 NULL},
	.options = images_table,
};

static const struct cli_syntax inspect_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Print the details of a container image as a JSON object, or its "
		 "manifest "
		 "or\n"
		 "configuration unchanged. IMAGE is a tag or a digest.",
	.example = (const char *const[]){"composefs oci inspect --repo=repo app",
					 "composefs oci inspect --repo=repo --config app",
					 NULL},
	.options = inspect_table,
};

/* --- one image ---------------------------------------------------------------------- */

/* The list of layers. diff_id is left out for an artifact that has fewer of them than
 * layers. */
static void put_layers_json(struct json *j, const struct cfs_container *c)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	json_begin_array(j, "layers");
	for (size_t i = 0; i < c->manifest.n_layers; i++) {
		const struct cfs_oci_descriptor *d = &c->manifest.layers[i];

		json_begin_object(j, NULL);
		json_put_string(j, "media_type", d->media_type);
		json_put_string(j, "digest", cfs_oci_digest_text(&d->digest, text));
		json_put_uint(j, "size", d->size);
		if (i < c->config.n_diff_ids)
			json_put_string(
				j, "diff_id",
				cfs_oci_digest_text(&c->config.diff_ids[i], text));
		json_end(j);
	}
	json_end(j);
}

/* The JSON of one image. The list of images has the number of layers, the view of one
 * image their details. */
static void put_container(struct json *j, const char *tag, const struct cfs_container *c,
			  bool layers)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	json_begin_object(j, NULL);
	json_put_string(j, "name", tag);
	json_put_string(j, "manifest_digest", cfs_oci_digest_text(&c->digest, text));
	json_put_string(j, "config_digest",
			cfs_oci_digest_text(&c->manifest.config.digest, text));
	where_put_id(j, "id", c->has_image ? &c->image : NULL);
	where_put_id(j, "boot_id", c->has_boot_image ? &c->boot_image : NULL);
	json_put_string(j, "os", c->config.os);
	json_put_string(j, "architecture", c->config.architecture);
	json_put_string(j, "created", c->config.created);
	if (layers)
		put_layers_json(j, c);
	else
		json_put_uint(j, "layers", c->manifest.n_layers);
	json_end(j);
}

/* --- the table ---------------------------------------------------------------------- */

static const struct cli_column columns[] = {{"TAG", false},
					    {"DIGEST", false},
					    {"PLATFORM", false},
					    {"LAYERS", true},
					    {"IMAGE ID", false}};

enum { N_COLUMNS = sizeof(columns) / sizeof(columns[0]), SHORT_DIGITS = 12 };

/* As where_format_short_id: the first 12 digits alone, or with full the whole. */
static void add_digest(struct cli_table *t, const struct cfs_oci_digest *d, bool full)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	const char *hex = strchr(cfs_oci_digest_text(d, text), ':');

	if (full || !hex) {
		cli_table_add(t, text);
		return;
	}
	text[hex + 1 + SHORT_DIGITS - text] = '\0';
	cli_table_add(t, hex + 1);
}

static void add_container_cells(struct cli_table *t, const char *tag,
				const struct cfs_container *c, bool full)
{
	const char *os = c->config.os ? c->config.os : "-";
	const char *architecture = c->config.architecture ? c->config.architecture : "-";
	char id[WHERE_ID_MAX] = "-", platform[300], layers[32];

	if (c->has_image)
		where_format_short_id(&c->image, full, id);
	snprintf(platform, sizeof(platform), "%.100s/%.100s", os, architecture);
	snprintf(layers, sizeof(layers), "%zu", c->manifest.n_layers);
	cli_table_add(t, tag);
	add_digest(t, &c->digest, full);
	cli_table_add(t, platform);
	cli_table_add(t, layers);
	cli_table_add(t, id);
}

/* --- the list ----------------------------------------------------------------------- */

struct listing {
	const struct repo_work *work;
	const struct options *options;
	struct container_rows rows;
	const char *tag; /* of the index that is read */
	bool is_complete;
};

/* A damaged image is reported and does not hide the others. */
static int add_container(struct listing *l, const char *tag, const char *name,
			 struct cfs_err *err)
{
	struct container_rows *rows = &l->rows;
	struct cfs_container c;
	struct cfs_err why;
	int rc = cfs_container_open(l->work->repo, name, &c, &why);

	if (rc < 0) {
		cfs_container_close(&c);
		cli_print_message(l->work->program, "%s: %s", tag, why.msg);
		l->is_complete = false;
		return 0;
	}
	rc = container_rows_add(rows, tag, &c, err);
	if (rc == 0 &&
	    !container_filters_match(&l->options->filters, &rows->v[rows->n - 1]))
		container_rows_drop_last(rows);
	return rc;
}

static int add_platform(void *ctx, const struct cfs_oci_index_entry *entry,
			const char *name, struct cfs_err *err)
{
	struct listing *l = ctx;

	(void)entry;
	return add_container(l, l->tag, name, err);
}

/* An index is as many images as it has platforms, each with the tag. */
static int add_tag(void *ctx, const char *tag, struct cfs_err *err)
{
	struct listing *l = ctx;
	struct cfs_container_index x;
	struct cfs_err why;
	int rc = cfs_container_index_open(l->work->repo, tag, &x, &why);

	l->tag = tag;
	if (rc > 0)
		rc = cfs_container_index_visit(&x.index, add_platform, l, err);
	else /* whatever is wrong is wrong again, and is reported */
		rc = add_container(l, tag, tag, err);
	cfs_container_index_close(&x);
	return rc;
}

/* Only the tags that were given. */
static int add_chosen(struct listing *l, struct cfs_err *err)
{
	int rc = 0;

	for (char **tag = l->work->operands; rc == 0 && *tag; tag++)
		rc = add_tag(l, *tag, err);
	return rc;
}

/* Before anything is printed: each name must be a tag. */
static int check_chosen(const struct repo_work *w, struct cfs_err *err)
{
	int rc = 1;

	for (char **tag = w->operands; rc > 0 && *tag; tag++) {
		rc = cfs_containers_has_tag(w->repo, *tag, err);
		if (rc == 0)
			return cfs_fail(err, ENOENT, "no such tag: \"%s\"", *tag);
	}
	return rc < 0 ? rc : 0;
}

static void print_containers_json(const struct container_rows *rows)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_begin_array(&j, "images");
	for (size_t i = 0; i < rows->n; i++)
		put_container(&j, rows->v[i].tag, &rows->v[i].container, false);
	json_finish(&j);
}

static int print_containers_table(const struct options *o,
				  const struct container_rows *rows, struct cfs_err *err)
{
	struct cli_table table = {.columns = columns, .n_columns = N_COLUMNS};
	int rc;

	for (size_t i = 0; i < rows->n; i++)
		add_container_cells(&table, rows->v[i].tag, &rows->v[i].container,
				    o->no_trunc);
	rc = cli_table_print(stdout, &table, err);
	cli_table_fini(&table);
	return rc;
}

static int print_containers(const struct options *o, const struct container_rows *rows,
			    struct cfs_err *err)
{
	char id[WHERE_ID_MAX];

	if (o->json || (o->format && strcmp(o->format, "json") == 0)) {
		print_containers_json(rows);
		return 0;
	}
	if (!o->format && !o->quiet)
		return print_containers_table(o, rows, err);
	for (size_t i = 0; i < rows->n; i++) {
		const struct cfs_container *c = &rows->v[i].container;

		if (o->format)
			cli_template_print(stdout, o->format, container_fields,
					   &rows->v[i]);
		else if (c->has_image)
			puts(where_format_short_id(&c->image, o->no_trunc, id));
	}
	return 0;
}

/* Before anything is read. */
static int check_images_options(const struct options *o, struct cfs_err *err)
{
	int rc = container_filters_check(&o->filters, err);

	if (rc == 0 && o->format && strcmp(o->format, "json") != 0)
		rc = cfs_context(err,
				 cli_template_check(o->format, container_fields, err),
				 "--format");
	return rc;
}

/* Lists the images in the chosen form. One that cannot be read gets a message, and the
 * status CLI_FAILED at the end, but does not hide the others. */
static int show_images(const struct repo_work *w, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	struct listing l = {.work = w, .options = w->options, .is_complete = true};
	int rc = check_images_options(l.options, err);

	if (rc == 0)
		rc = check_chosen(w, err);
	if (rc == 0)
		rc = cfs_repo_list_refs(w->repo, CFS_REPO_STREAMS, &refs, err);
	if (rc == 0)
		rc = *w->operands ? add_chosen(&l, err)
				  : cfs_containers_visit_tags(&refs, add_tag, &l, err);
	if (rc == 0) {
		container_rows_sort(&l.rows, l.options->sort);
		rc = print_containers(l.options, &l.rows, err);
	}
	container_rows_fini(&l.rows);
	cfs_repo_list_fini(&refs);
	return rc == 0 && !l.is_complete ? CLI_FAILED : rc;
}

static const struct repo_command images_command = {
	&images_syntax, 0, INT_MAX, "", CFS_REPO_READ, show_images};

int cmd_oci_images(int argc, char **argv)
{
	struct options o = {0};
	int status = repo_command_run(&images_command, argc, argv, &o, &o.where);

	cli_list_fini(&o.filters);
	return status;
}

/* --- inspect ------------------------------------------------------------------------ */

static int show_container(const struct options *o, const char *name,
			  const struct cfs_container *c, struct cfs_err *err)
{
	const struct cfs_mem *raw = o->manifest ? &c->manifest_json : &c->config_json;
	struct json j = {.to = stdout};

	if (o->manifest || o->config)
		return cfs_io_write(STDOUT_FILENO, raw->p, raw->len, err);
	put_container(&j, name, c, true);
	json_finish(&j);
	return 0;
}

static int inspect_container(const struct repo_work *w, struct cfs_err *err)
{
	const struct options *o = w->options;
	const char *name = w->operands[0];
	char buf[CFS_OCI_PLATFORM_MAX];
	struct cfs_oci_platform platform;
	struct cfs_container c = {0};
	int rc = o->platform ? cfs_oci_platform_parse(o->platform, buf, &platform, err)
			     : 0;

	if (rc == 0)
		rc = cfs_container_open_platform(w->repo, name,
						 o->platform ? &platform : NULL, &c, err);
	if (rc == 0)
		rc = show_container(o, name, &c, err);
	cfs_container_close(&c);
	return rc;
}

static const struct repo_command inspect_command = {
	&inspect_syntax, 1, 1, "expected IMAGE", CFS_REPO_READ, inspect_container};

int cmd_oci_inspect(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&inspect_command, argc, argv, &o, &o.where);
}
