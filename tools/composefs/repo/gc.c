/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs gc: remove unreferenced images and objects. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "composefs/cfsctl_text.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"
#include "cli/watch.h"
#include "gc/gc.h"
#include "cli/verbosity.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	struct cfs_gc_opts run_collect;
	struct cli_list roots;
	bool no_wait, json;
	struct cli_watch watch;
};

/* --- command line ------------------------------------------------------------------------ */

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"dry-run", NULL, AT(run_collect.dry_run),
	 "Print what would be removed without removing it", .letter = 'n',
	 .group = "Options"},
	{"root", "NAME", AT(roots),
	 "Also keep this image (an ID or a reference) or stream; repeatable", CLI_LIST,
	 .letter = 'r'},
	{"keep", "N", AT(run_collect.keep),
	 "Keep the newest N of references NAME:VERSION or NAME/VERSION", CLI_NUMBER,
	 .min = 1},
	{"grace", "TIME", AT(run_collect.grace),
	 "Keep objects that are younger than TIME, such as 90s, 1h or 30d", CLI_TIME},
	{"prune-refs", NULL, AT(run_collect.prune_refs),
	 "Remove references whose image or stream is missing"},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	/* Older names of --lock-timeout and --lock-timeout=0. */
	{"timeout", "TIME", AT(where.lock_timeout), NULL, CLI_TIME, .max = INT_MAX / 1000,
	 CLI_GIVEN(struct options, where.has_lock_timeout)},
	{"no-wait", NULL, AT(no_wait), NULL},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "Remove images and streams that no reference names, and the objects "
		 "that only they\nneed. Images that are mounted anywhere on the machine "
		 "are kept.",
	.example = (const char *const[]){"composefs gc --repo=repo --dry-run --keep=3",
					 NULL},
	.options = option_table,
};

/* --- output
 * ----------------------------------------------------------------------------- */

/* Prints one decision of the collector. An image ID is shortened as in every other
 * output. */
static void print_note(void *ctx, enum cfs_gc_note what, const char *name,
		       const char *why)
{
	static const char *const text[] = {
		[CFS_GC_NOTE_FOREIGN] = "left alone",
		[CFS_GC_NOTE_DANGLING] = "dangling reference",
		[CFS_GC_NOTE_IN_USE] = "image without a reference stays",
		[CFS_GC_NOTE_EXPIRED] = "reference removed",
		[CFS_GC_NOTE_KEPT] = "reference kept",
		[CFS_GC_NOTE_NO_ROOT] = "root",
	};
	struct options *o = ctx;
	const char *said = text[what];
	char shown[WHERE_ID_MAX];
	struct cfs_digest id;

	if (what == CFS_GC_NOTE_EXPIRED && o->run_collect.dry_run)
		said = "name would be removed";
	if (cfs_digest_parse(cfs_text(name), &id, NULL) == 0)
		name = where_format_id(&id, shown);
	cli_print_note(o->name, "%s: %s: %s", said, name, why);
}

static void print_gc_json(const struct options *o, const struct cfs_gc_result *c)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_bool(&j, "dry_run", o->run_collect.dry_run);
	json_put_uint(&j, "objects_removed", c->n_objects);
	json_put_uint(&j, "bytes_freed", c->bytes);
	json_put_uint(&j, "images_removed", c->n_images);
	json_put_uint(&j, "streams_removed", c->n_streams);
	json_put_uint(&j, "names_removed", c->n_refs);
	json_put_uint(&j, "temporaries_removed", c->n_temporary);
	json_put_uint(&j, "objects_live", c->n_live);
	json_put_uint(&j, "images_in_use", c->n_in_use);
	json_finish(&j);
}

/* Prints what was removed, or what would be. A dry run prints even with --quiet,
 * because its output is its only result. */
static void print_gc_result(const struct options *o, const struct cfs_gc_result *c)
{
	const char *verb = o->run_collect.dry_run ? "would be removed" : "removed";
	char bytes[32];

	if (o->json) {
		print_gc_json(o, c);
		return;
	}
	if (cli_is_quiet() && !o->run_collect.dry_run)
		return;
	if (cli_is_cfsctl()) {
		cfsctl_print_gc(c, o->run_collect.dry_run);
		return;
	}
	printf("%s: %" PRIu64 " %s (%s), %" PRIu64 " %s, %" PRIu64 " %s, %" PRIu64
	       " %s, %" PRIu64 " temporary %s\n",
	       verb, c->n_objects, cfs_plural(c->n_objects, "object", "objects"),
	       cli_format_bytes(c->bytes, bytes), c->n_images,
	       cfs_plural(c->n_images, "image", "images"), c->n_streams,
	       cfs_plural(c->n_streams, "stream", "streams"), c->n_refs,
	       cfs_plural(c->n_refs, "reference", "references"), c->n_temporary,
	       cfs_plural(c->n_temporary, "file", "files"));
	printf("live: %" PRIu64 " %s; in use without a reference: %" PRIu64 " %s\n",
	       c->n_live, cfs_plural(c->n_live, "object", "objects"), c->n_in_use,
	       cfs_plural(c->n_in_use, "image", "images"));
}

/* Opens the repository and collects. *out holds the counts; damage stops the collector
 * before it removes anything. */
static int run_collect(struct options *o, struct cfs_gc_result *out, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc;

	if (o->no_wait) {
		o->where.has_lock_timeout = true;
		o->where.lock_timeout = 0;
	}
	o->where.watch = &o->watch.watch;
	rc = where_open(&o->where,
			o->run_collect.dry_run ? CFS_REPO_READ : CFS_REPO_WRITE, &repo,
			err);
	if (rc < 0)
		return rc;
	where_record_as(repo, "gc");
	o->run_collect.roots = o->roots.v;
	o->run_collect.n_roots = o->roots.n;
	o->run_collect.ignore_unknown_roots = cli_is_cfsctl();
	o->run_collect.note = print_note;
	o->run_collect.watch = &o->watch.watch;
	o->run_collect.ctx = o;
	rc = cfs_gc_collect(repo, &o->run_collect, out, err);
	cfs_repo_close(repo);
	if (rc == -EUCLEAN || rc == -EILSEQ)
		cli_add_advice(rc, err,
			       "nothing was removed; composefs fsck prints all damage");
	return rc;
}

static int run_gc(struct options *o, struct cfs_gc_result *out, struct cfs_err *err)
{
	int rc;

	cli_watch_start(&o->watch, o->name);
	rc = run_collect(o, out, err);
	cli_watch_end(&o->watch);
	return rc;
}

int cmd_gc(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand"),
	    rc;
	struct cfs_gc_result c;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_gc(&o, &c, &err);
	if (rc == 0)
		print_gc_result(&o, &c);
	cli_list_fini(&o.roots);
	return command_end(argv[0], rc, &err);
}
