/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci images, inspect: the container images of the repository. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/table.h"
#include "cli/template.h"
#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
	const char *format, *platform;
	bool quiet, no_trunc, json, manifest, config;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option images_table[] = {
	{"format", "FORMAT", AT(format), "Print text such as \"{{.Tag}} {{.ID}}\"",
	 CLI_TEXT, .group = "Options"},
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
	 "Use the image of an index for this platform (default: that of this machine)",
	 CLI_TEXT},
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

/* --- fields and cells --------------------------------------------------------------- */

struct row {
	const char *tag;
	const struct cfs_container *container;
};

static void put_tag(FILE *to, const void *row)
{
	cli_print(to, ((const struct row *)row)->tag);
}

static void put_manifest_digest(FILE *to, const void *row)
{
	const struct row *r = row;
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	fputs(cfs_oci_digest_text(&r->container->digest, text), to);
}

static void put_config_id(FILE *to, const void *row)
{
	const struct cfs_container *c = ((const struct row *)row)->container;
	char text[WHERE_ID_MAX];

	if (c->has_image)
		fputs(where_format_id(&c->image, text), to);
}

static void put_os(FILE *to, const void *row)
{
	const char *os = ((const struct row *)row)->container->config.os;

	cli_print(to, os ? os : "");
}

static void put_architecture(FILE *to, const void *row)
{
	const char *name = ((const struct row *)row)->container->config.architecture;

	cli_print(to, name ? name : "");
}

static void put_config_created(FILE *to, const void *row)
{
	const char *created = ((const struct row *)row)->container->config.created;

	cli_print(to, created ? created : "");
}

static void put_n_layers(FILE *to, const void *row)
{
	fprintf(to, "%zu", ((const struct row *)row)->container->manifest.n_layers);
}

static const struct cli_field fields[] = {
	{"Tag", put_tag},
	{"Digest", put_manifest_digest},
	{"ID", put_config_id},
	{"OS", put_os},
	{"Created", put_config_created},
	{"Architecture", put_architecture},
	{"Layers", put_n_layers},
	{0},
};

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
	struct json json;
	struct cli_table table;
	const char *tag; /* of the index that is shown */
	bool is_complete;
};

static void put_container_json(struct listing *l, const char *tag,
			       const struct cfs_container *c)
{
	const struct row row = {tag, c};
	char id[WHERE_ID_MAX];

	if (l->options->json)
		put_container(&l->json, tag, c, false);
	else if (l->options->format)
		cli_template_print(stdout, l->options->format, fields, &row);
	else if (!l->options->quiet)
		add_container_cells(&l->table, tag, c, l->options->no_trunc);
	else if (c->has_image)
		puts(where_format_short_id(&c->image, l->options->no_trunc, id));
}

/* A damaged image is reported and does not hide the others. */
static void show_named(struct listing *l, const char *tag, const char *name)
{
	struct cfs_container c;
	struct cfs_err err;
	int rc = cfs_container_open(l->work->repo, name, &c, &err);

	cfs_context(&err, rc, "%s", tag);
	if (rc < 0)
		cli_print_message(l->work->program, "%s", err.msg);
	else
		put_container_json(l, tag, &c);
	cfs_container_close(&c);
	l->is_complete &= rc == 0;
}

static int show_platform(void *ctx, const struct cfs_oci_index_entry *entry,
			 const char *name, struct cfs_err *err)
{
	struct listing *l = ctx;

	(void)entry, (void)err;
	show_named(l, l->tag, name);
	return 0;
}

/* An index is as many images as it has platforms, each with the tag. */
static int show_image(void *ctx, const char *tag, struct cfs_err *err)
{
	struct listing *l = ctx;
	struct cfs_container_index x;
	struct cfs_err why;
	int rc = cfs_container_index_open(l->work->repo, tag, &x, &why);

	l->tag = tag;
	if (rc > 0)
		(void)!cfs_container_index_visit(&x.index, show_platform, l, err);
	else /* whatever is wrong is wrong again, and is reported */
		show_named(l, tag, tag);
	cfs_container_index_close(&x);
	return 0;
}

/* Only the tags that were given. */
static int show_chosen(struct listing *l, struct cfs_err *err)
{
	int rc = 0;

	for (char **tag = l->work->operands; rc == 0 && *tag; tag++)
		rc = show_image(l, *tag, err);
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

static int show_all(struct listing *l, const struct cfs_repo_list *refs,
		    struct cfs_err *err)
{
	const struct options *o = l->options;
	int rc;

	if (o->json) {
		json_begin_object(&l->json, NULL);
		json_begin_array(&l->json, "images");
	}
	rc = *l->work->operands ? show_chosen(l, err)
				: cfs_containers_visit_tags(refs, show_image, l, err);
	if (o->json)
		json_finish(&l->json);
	else if (rc == 0 && !o->format && !o->quiet)
		rc = cli_table_print(stdout, &l->table, err);
	return rc;
}

/* Lists all tagged images in the chosen form. One that cannot be read gets a message,
 * and the status CLI_FAILED at the end, but does not hide the others. */
static int show_images(const struct repo_work *w, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	struct listing l = {.work = w,
			    .options = w->options,
			    .json.to = stdout,
			    .table = {.columns = columns, .n_columns = N_COLUMNS},
			    .is_complete = true};
	int rc = 0;

	if (l.options->format)
		rc = cfs_context(err, cli_template_check(l.options->format, fields, err),
				 "--format");
	if (rc == 0)
		rc = check_chosen(w, err);
	if (rc == 0)
		rc = cfs_repo_list_refs(w->repo, CFS_REPO_STREAMS, &refs, err);
	if (rc == 0)
		rc = show_all(&l, &refs, err);
	cli_table_fini(&l.table);
	cfs_repo_list_fini(&refs);
	return rc == 0 && !l.is_complete ? CLI_FAILED : rc;
}

static const struct repo_command images_command = {
	&images_syntax, 0, INT_MAX, "", CFS_REPO_READ, show_images};

int cmd_oci_images(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&images_command, argc, argv, &o, &o.where);
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
