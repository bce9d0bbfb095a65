/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs images: what the repository holds: each image, and its names. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

struct options {
	struct where where;
	bool json, no_trunc;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	{"no-trunc", NULL, CLI_AT(struct options, no_trunc),
	 "Print whole ids: always so here"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "List the images of the repository: a line with ID and reference for "
		 "each reference, and\none with \"-\" for each image without a "
		 "reference. gc removes the latter unless they are\nmounted.",
	.example = (const char *const[]){"composefs images --repo=repo", NULL},
	.options = option_table,
};

struct lists {
	struct cfs_repo_list entries, refs;
};

static int read_lists(struct options *o, struct lists *l, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_LOOK, &repo, err);

	if (rc < 0)
		return rc;
	rc = cfs_repo_list_entries(repo, CFS_REPO_IMAGES, &l->entries, err);
	if (rc == 0)
		rc = cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &l->refs, err);
	cfs_repo_close(repo);
	return rc;
}

/* What has another form than ours is no image. What could not be read may be one: false. */
static bool report_bad(const char *name, const char *place, const struct cfs_repo_list *l)
{
	bool complete = true;

	for (size_t i = 0; i < l->n; i++) {
		const struct cfs_repo_entry *e = &l->v[i];
		bool read = e->code == -EMLINK || e->code == -EUCLEAN;

		if (e->code == 0)
			continue;
		cli_print_message(name, "%simages/%s%s: %s", read ? "warning: " : "",
				  place, e->name, e->wrong);
		complete &= read;
	}
	return complete;
}

static bool has_name(const struct lists *l, const char *id)
{
	for (size_t i = 0; i < l->refs.n; i++)
		if (l->refs.v[i].code == 0 && strcmp(l->refs.v[i].target, id) == 0)
			return true;
	return false;
}

/* name: NULL for an image without a reference; j: NULL for text. */
static void print_image(struct json *j, const char *name, const char *id)
{
	if (!j) {
		printf("%s\t", id);
		cli_print(stdout, name ? name : "-");
		putchar('\n');
		return;
	}
	json_begin_object(j, NULL);
	if (name)
		json_put_string(j, "name", name);
	else
		json_put_null(j, "name");
	json_put_string(j, "digest", id);
	json_end(j);
}

static void print_lists(const struct lists *l, struct json *j)
{
	for (size_t i = 0; i < l->refs.n; i++)
		if (l->refs.v[i].code == 0)
			print_image(j, l->refs.v[i].name, l->refs.v[i].target);
	/* cfsctl lists only references. */
	for (size_t i = 0; i < l->entries.n && !cli_is_cfsctl(); i++)
		if (l->entries.v[i].code == 0 && !has_name(l, l->entries.v[i].name))
			print_image(j, NULL, l->entries.v[i].name);
}

static void print_images(const struct options *o, const struct lists *l)
{
	struct json j = {.to = stdout};

	if (!o->json) {
		if (cli_is_cfsctl() && l->refs.n == 0)
			puts("No images found");
		print_lists(l, NULL);
		return;
	}
	json_begin_object(&j, NULL);
	json_begin_array(&j, "images");
	print_lists(l, &j);
	json_finish(&j);
}

int cmd_images(int argc, char **argv)
{
	struct options o = {0};
	struct lists l = {0};
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand"),
	    rc;
	struct cfs_err err;
	bool complete = true;

	if (status >= 0)
		return status;
	rc = read_lists(&o, &l, &err);
	if (rc == 0) {
		complete = report_bad(argv[0], "", &l.entries);
		complete &= report_bad(argv[0], "refs/", &l.refs);
		print_images(&o, &l);
	}
	cfs_repo_list_fini(&l.entries);
	cfs_repo_list_fini(&l.refs);
	status = command_end(argv[0], rc, &err);
	return status == CLI_OK && !complete ? CLI_FAILED : status;
}
