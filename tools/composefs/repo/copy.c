/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs copy: images from another repository. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/repo_option.h"
#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"

struct options {
	const char *name; /* of the program */
	const char *from, *to;
	bool json;
	struct where where;
};

static const struct cli_option option_table[] = {
	{"from", "REPO", CLI_AT(struct options, from),
	 "Copy from the repository in the directory REPO", CLI_TEXT, .group = "Options"},
	{"to", "NAME", CLI_AT(struct options, to),
	 "Give the image this reference instead of its own", CLI_TEXT},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] --from=REPO IMAGE...", NULL},
	.about =
		"Copy images from another repository with the objects that this one does "
		"not have. An\nimage that is given by a reference gets that reference "
		"here, too; one that is given by\nits ID gets all its references.\n"
		"The contents are compared with their IDs. "
		"After an interruption, run it again.",
	.example =
		(const char *const[]){
			"composefs copy --repo=repo --from=/mnt/usb/repo os/7", NULL},
	.options = option_table,
};

struct work {
	const struct options *o;
	struct cfs_repo *from, *to;
	const struct cfs_watch *watch;
	struct json json;
};

/* --- references --------------------------------------------------------------------- */

static int publish_copy(const struct work *w, const struct cfs_digest *id,
			const char *ref, struct cfs_err *err)
{
	const struct cfs_repo_link link = {
		.kind = CFS_REPO_IMAGES, .id = *id, .ref = ref};

	return cfs_repo_publish(w->to, &link, err);
}

static bool leads_to(const struct cfs_repo_entry *ref, const char *hex)
{
	return ref->code == 0 && strcmp(ref->target, hex) == 0;
}

/* The reference that was given, or for an ID all references of the image. */
static int publish_refs(const struct work *w, const char *image,
			const struct cfs_digest *id, const struct cfs_repo_list *refs,
			struct cfs_err *err)
{
	const char *name = cfs_repo_ref_name(image);
	char hex[CFS_DIGEST_HEX_MAX];
	bool is_ref = false;
	int rc = 0;

	cfs_digest_hex(id, hex);
	for (size_t i = 0; i < refs->n; i++)
		is_ref |=
			leads_to(&refs->v[i], hex) && strcmp(refs->v[i].name, name) == 0;
	if (is_ref)
		return publish_copy(w, id, name, err);
	rc = publish_copy(w, id, NULL, err);
	for (size_t i = 0; rc == 0 && i < refs->n; i++)
		if (leads_to(&refs->v[i], hex))
			rc = publish_copy(w, id, refs->v[i].name, err);
	return rc;
}

static int publish_image(const struct work *w, const char *image,
			 const struct cfs_digest *id, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	int rc;

	if (w->o->to)
		return publish_copy(w, id, cfs_repo_ref_name(w->o->to), err);
	rc = cfs_repo_list_refs(w->from, CFS_REPO_IMAGES, &refs, err);
	if (rc == 0)
		rc = publish_refs(w, image, id, &refs, err);
	cfs_repo_list_fini(&refs);
	return rc;
}

/* --- images ------------------------------------------------------------------------- */

/* Prints one line or one object for an image, as soon as it is copied. */
static void print_copied_image(struct work *w, const char *image,
			       const struct cfs_digest *id,
			       const struct cfs_repo_copied *r)
{
	char text[WHERE_ID_MAX], size[32];

	if (!w->o->json && cli_is_quiet())
		return;
	if (!w->o->json) {
		cli_print(stdout, image);
		printf(": %" PRIu64 " %s copied, %" PRIu64 " present, %s\n", r->copied,
		       cfs_plural(r->copied, "object", "objects"), r->present,
		       cli_format_bytes(r->bytes, size));
		return;
	}
	json_begin_object(&w->json, NULL);
	json_put_string(&w->json, "source", image);
	json_put_string(&w->json, "id", where_format_id(id, text));
	json_put_uint(&w->json, "objects_copied", r->copied);
	json_put_uint(&w->json, "objects_present", r->present);
	json_put_uint(&w->json, "bytes_copied", r->bytes);
	json_end(&w->json);
}

/* Copies one image and its objects, then publishes its name: a copy that was cut off
 * has no name and is removed by gc. */
static int copy_repo_image(struct work *w, const char *image, struct cfs_err *err)
{
	struct cfs_repo_copied report = {0};
	struct cfs_digest id;
	int rc = cfs_repo_find_image(w->from, image, &id, err);

	if (rc < 0)
		return cfs_context(err, rc, "%s", w->o->from);
	rc = cfs_repo_copy_image(w->from, &id, w->to, w->watch, &report, err);
	if (rc < 0 && cfs_repo_get_meta(w->from)->alg != cfs_repo_get_meta(w->to)->alg)
		cli_add_advice(rc, err,
			       "its ID would be another one: \"composefs export "
			       "--repo=REPO IMAGE - | composefs create-image - NAME\" "
			       "makes it");
	if (rc == 0)
		rc = publish_image(w, image, &id, err);
	if (rc == 0)
		print_copied_image(w, image, &id, &report);
	return rc;
}

static int copy_all(struct work *w, char **images, struct cfs_err *err)
{
	int rc = cfs_repo_is_same(w->from, w->to, err);

	if (rc > 0)
		return cfs_fail(err, EINVAL, "%s: expected another repository",
				w->o->from);
	w->json.to = stdout;
	if (w->o->json) {
		json_begin_object(&w->json, NULL);
		json_begin_array(&w->json, "images");
	}
	for (; rc == 0 && *images; images++)
		rc = copy_repo_image(w, *images, err);
	if (w->o->json)
		json_finish(&w->json);
	return rc;
}

/* Locks the destination first: another program may hold it for long. The lock of the source protects its objects from
 * garbage collection. */
static int run_copy(struct options *o, char **images, struct cfs_err *err)
{
	struct work w = {.o = o, .watch = o->where.watch};
	struct cfs_lock_wait wait;
	int rc = 0;

	if (o->to)
		rc = cfs_context(
			err, cfs_repo_check_ref(cfs_text(cfs_repo_ref_name(o->to)), err),
			"--to");
	if (rc == 0)
		rc = where_open(&o->where, CFS_REPO_WRITE, &w.to, err);
	if (rc < 0)
		return rc;
	cfs_repo_set_command(w.to, "copy");
	where_lock_wait(&o->where, o->from, &wait);
	rc = cfs_repo_open_waiting(o->from, CFS_REPO_READ, &wait, &w.from, err);
	if (rc == 0) {
		rc = copy_all(&w, images, err);
		cfs_repo_close(w.from);
	}
	cfs_repo_close(w.to);
	return rc;
}

int cmd_copy(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 1, argc, "expected IMAGE..."),
	    rc;
	struct cli_watch watch;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (!o.from || (o.to && argc - optind > 1)) {
		cli_fail_usage(argv[0], o.from ? "--to: expected one image"
					       : "expected --from=REPO");
		return CLI_USAGE;
	}
	cli_watch_start(&watch, o.name);
	o.where.watch = &watch.watch;
	rc = run_copy(&o, argv + optind, &err);
	cli_watch_end(&watch);
	return command_end(argv[0], rc, &err);
}
