/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs rm: remove references, and what only they kept. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "composefs/repo_command.h"
#include "gc/gc.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	bool gc, force, json;
};

static const struct cli_option option_table[] = {
	{"gc", NULL, CLI_AT(struct options, gc),
	 "Run gc: remove all unreferenced images and objects", .group = "Options"},
	{"force", NULL, CLI_AT(struct options, force),
	 "Remove also all references of an ID, and those of installed systems",
	 .letter = 'f'},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE...", NULL},
	.about = "Remove references, as untag does, and print what gc would remove then. "
		 "An image that\nis given by its ID loses its reference; if it has "
		 "several, with --force all of them.",
	.example = (const char *const[]){"composefs rm --repo=repo os/5 os/6",
					 "composefs rm --repo=repo --gc os/5", NULL},
	.options = option_table,
};

/* --- what is removed ---------------------------------------------------------------- */

/* References to remove. Borrowed from refs. */
struct names {
	struct cfs_repo_list refs;
	const char **v;
	size_t n;
};

static void add_removed_name(struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (strcmp(names->v[i], name) == 0)
			return;
	names->v[names->n++] = name;
}

static const char *find_ref(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->refs.n; i++)
		if (strcmp(names->refs.v[i].name, name) == 0)
			return names->refs.v[i].name;
	return NULL;
}

/* An ID with several references could mean any of them, so the user chooses. */
static int fail_several(const struct names *names, const char *hex, const char *image,
			size_t n, struct cfs_err *err)
{
	char list[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < names->refs.n && len < sizeof(list); i++)
		if (names->refs.v[i].code == 0 &&
		    strcmp(names->refs.v[i].target, hex) == 0)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
						len ? ", " : "", names->refs.v[i].name);
	return cli_add_advice(
		cfs_fail(err, EINVAL, "image %s has %zu references: %s", image, n, list),
		err, "give one of them, or --force to remove all");
}

/* All references of an image that is given by its ID. */
static int add_image_names(const struct options *o, const struct cfs_repo *repo,
			   const char *image, struct names *names, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX];
	struct cfs_digest id;
	size_t n = 0;
	int rc = cfs_repo_find_image(repo, image, &id, err);

	if (rc < 0)
		return rc;
	cfs_digest_hex(&id, hex);
	for (size_t i = 0; i < names->refs.n; i++)
		n += names->refs.v[i].code == 0 &&
		     strcmp(names->refs.v[i].target, hex) == 0;
	if (n > 1 && !o->force)
		return fail_several(names, hex, image, n, err);
	for (size_t i = 0; i < names->refs.n; i++)
		if (names->refs.v[i].code == 0 &&
		    strcmp(names->refs.v[i].target, hex) == 0)
			add_removed_name(names, names->refs.v[i].name);
	return 0;
}

/* Everything is resolved before the first reference is removed. */
static int choose_names(const struct options *o, const struct cfs_repo *repo,
			char **operands, struct names *names, struct cfs_err *err)
{
	int rc = cfs_repo_list_refs(repo, CFS_REPO_IMAGES, &names->refs, err);

	if (rc < 0)
		return rc;
	names->v = calloc(names->refs.n + 1, sizeof(*names->v));
	if (!names->v)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (; rc == 0 && *operands; operands++) {
		const char *ref = find_ref(names, cfs_repo_ref_name(*operands));

		if (ref)
			add_removed_name(names, ref);
		else
			rc = add_image_names(o, repo, *operands, names, err);
	}
	for (size_t i = 0; rc == 0 && i < names->n && !o->force; i++)
		rc = cfs_repo_check_unused_ref(names->v[i], err);
	return rc;
}

static int remove_names(const struct cfs_repo *repo, const struct names *names,
			struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < names->n; i++)
		rc = cfs_repo_remove_ref(repo, CFS_REPO_IMAGES, names->v[i], err);
	return rc;
}

/* --- the command -------------------------------------------------------------------- */

/* Prints the removed names and what that frees. Images in use stay, and are named as
 * the reason why less is freed. */
static void print_rm_text(const struct options *o, const struct names *names,
			  const struct cfs_gc_result *c)
{
	char bytes[32];

	for (size_t i = 0; i < names->n; i++) {
		fputs("removed reference: ", stdout);
		cli_print(stdout, names->v[i]);
		putchar('\n');
	}
	printf("%" PRIu64 " %s, %s %s", c->n_objects,
	       cfs_plural(c->n_objects, "object", "objects"),
	       cli_format_bytes(c->bytes, bytes),
	       o->gc ? "freed" : "would be freed by \"composefs gc\"");
	if (c->n_in_use)
		printf("; %" PRIu64 " %s in use and %s", c->n_in_use,
		       cfs_plural(c->n_in_use, "image without a reference is",
				  "images without a reference are"),
		       cfs_plural(c->n_in_use, "stays", "stay"));
	putchar('\n');
}

static void print_rm_json(const struct options *o, const struct names *names,
			  const struct cfs_gc_result *c)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_strings(&j, "names", names->v, names->n);
	json_put_bool(&j, "dry_run", !o->gc);
	json_put_uint(&j, "objects_removed", c->n_objects);
	json_put_uint(&j, "bytes_freed", c->bytes);
	json_put_uint(&j, "images_removed", c->n_images);
	json_put_uint(&j, "images_in_use", c->n_in_use);
	json_finish(&j);
}

/* Removes the names, then collects garbage or, without --gc, computes what a
 * collection would free. An error after the first step says that the names are gone. */
static int remove_images(const struct options *o, struct cfs_repo *repo, char **operands,
			 struct names *names, struct cfs_err *err)
{
	struct cli_watch watch;
	struct cfs_gc_opts opts = {.dry_run = !o->gc, .watch = &watch.watch};
	struct cfs_gc_result c;
	int rc = choose_names(o, repo, operands, names, err);

	if (rc == 0)
		rc = remove_names(repo, names, err);
	if (rc < 0)
		return rc;
	cli_watch_start(&watch, o->name);
	rc = cfs_gc_collect(repo, &opts, &c, err);
	cli_watch_end(&watch);
	if (rc < 0)
		return cfs_context(err, rc, "references were removed, objects were not");
	if (o->json)
		print_rm_json(o, names, &c);
	else if (!cli_is_quiet())
		print_rm_text(o, names, &c);
	return 0;
}

static int remove_and_print(const struct repo_work *w, struct cfs_err *err)
{
	struct names names = {0};
	int rc;

	where_record_as(w->repo, "rm");
	rc = remove_images(w->options, w->repo, w->operands, &names, err);
	cfs_repo_list_fini(&names.refs);
	free(names.v);
	return rc;
}

static const struct repo_command command = {
	&syntax, 1, INT_MAX, "expected IMAGE...", CFS_REPO_WRITE, remove_and_print};

int cmd_rm(int argc, char **argv)
{
	struct options o = {.name = argv[0]};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
