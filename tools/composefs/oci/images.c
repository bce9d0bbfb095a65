/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci images, inspect: the container images of the repository. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
	bool json, manifest, config;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option images_table[] = {
	{"json", NULL, AT(json), "Print one JSON object", .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_option inspect_table[] = {
	{"manifest", NULL, AT(manifest), "Print the manifest as it was pulled",
	 .group = "Options"},
	{"config", NULL, AT(config), "Print the configuration as it was pulled"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax images_syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "List the container images of the repository: tag, digest of the "
		 "manifest, platform,\n"
		 "number of layers, and image ID.",
	.example = (const char *const[]){"composefs oci images --repo=repo", NULL},
	.options = images_table,
};

static const struct cli_syntax inspect_syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Print what is known about a container image as a JSON object, or its "
		 "documents\n"
		 "unchanged. IMAGE is a tag or @DIGEST.",
	.example = (const char *const[]){"composefs oci inspect --repo=repo app",
					 "composefs oci inspect --repo=repo --config app",
					 NULL},
	.options = inspect_table,
};

/* --- one image ---------------------------------------------------------------------- */

static void put_layers(struct json *j, const struct cfs_container *c)
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
		put_layers(j, c);
	else
		json_put_uint(j, "layers", c->manifest.n_layers);
	json_end(j);
}

static void print_row(const char *tag, const struct cfs_container *c)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], id[WHERE_ID_MAX] = "-";

	if (c->has_image)
		where_id(&c->image, id);
	cli_print(stdout, tag);
	printf("\t%.19s\t", cfs_oci_digest_text(&c->digest, text));
	cli_print(stdout, c->config.os ? c->config.os : "-");
	putchar('/');
	cli_print(stdout, c->config.architecture ? c->config.architecture : "-");
	printf("\t%zu\t%.19s\n", c->manifest.n_layers, id);
}

/* --- the list ----------------------------------------------------------------------- */

struct listing {
	const struct repo_work *work;
	struct json *json; /* NULL: a table */
	bool is_complete;
};

/* A damaged image is reported and does not hide the others. */
static int show_image(void *ctx, const char *tag, struct cfs_err *err)
{
	struct listing *l = ctx;
	struct cfs_container c;
	int rc = cfs_container_open(l->work->repo, tag, &c, err);

	if (rc < 0)
		cli_print_message(l->work->program, "%s: %s", tag, err->msg);
	else if (l->json)
		put_container(l->json, tag, &c, false);
	else
		print_row(tag, &c);
	cfs_container_close(&c);
	l->is_complete &= rc == 0;
	return 0;
}

static int show_images(const struct repo_work *w, struct cfs_err *err)
{
	const struct options *o = w->options;
	struct cfs_repo_list refs = {0};
	struct json j = {.to = stdout};
	struct listing l = {w, o->json ? &j : NULL, true};
	int rc = cfs_repo_list_refs(w->repo, CFS_REPO_STREAMS, &refs, err);

	if (rc < 0)
		return rc;
	if (o->json) {
		json_begin_object(&j, NULL);
		json_begin_array(&j, "images");
	} else {
		puts("TAG\tDIGEST\tPLATFORM\tLAYERS\tIMAGE ID");
	}
	rc = cfs_containers_visit_tags(&refs, show_image, &l, err);
	if (o->json)
		json_finish(&j);
	cfs_repo_list_fini(&refs);
	return rc == 0 && !l.is_complete ? CLI_FAILED : rc;
}

static const struct repo_command images_command = {
	&images_syntax, 0, 0, "expected no operand", CFS_REPO_READ, show_images};

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

static int inspect_image(const struct repo_work *w, struct cfs_err *err)
{
	const char *name = w->operands[0];
	struct cfs_container c;
	int rc = cfs_container_open(w->repo, name, &c, err);

	if (rc == 0)
		rc = show_container(w->options, name, &c, err);
	cfs_container_close(&c);
	return rc;
}

static const struct repo_command inspect_command = {
	&inspect_syntax, 1, 1, "expected IMAGE", CFS_REPO_READ, inspect_image};

int cmd_oci_inspect(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&inspect_command, argc, argv, &o, &o.where);
}
