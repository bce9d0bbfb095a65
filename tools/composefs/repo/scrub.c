/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs scrub: read all objects in the background, and remember the result. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "check/check.h"
#include "cli/repo_option.h"
#include "cli/times.h"
#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "composefs/repo/idle.h"
#include "composefs/repo/report.h"
#include "composefs/repo/sources.h"
#include "erofs/image_file.h"
#include "mount/recognize.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	struct cli_list from;
	struct repair_sources sources; /* the arguments of --from */
	bool mounted, repair, json;
};

static const struct cli_option option_table[] = {
	{"mounted", NULL, CLI_AT(struct options, mounted),
	 "Read the images of the repository that are mounted", .group = "Options"},
	{"repair", NULL, CLI_AT(struct options, repair),
	 "Move damaged objects to .quarantine, and fetch them and missing ones"},
	{"from", "PLACE", CLI_AT(struct options, from),
	 "Repair: fetch from a repository, object directory or URL; repeatable",
	 CLI_LIST},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] [IMAGE]...", NULL},
	.about = "Read every object of the repository, or of some images, in the "
		 "background: with idle\npriority, and without filling the page cache. "
		 "composefs status shows the last result.",
	.status = "0 sound, 1 failure, 2 wrong usage, 3 damage is left",
	.example = (const char *const[]){"composefs scrub --repo=repo",
					 "composefs scrub --repo=repo --mounted --repair "
					 "--from=https://example.org/repo",
					 NULL},
	.options = option_table,
};

/* What a run found, and did. */
struct result {
	struct cfs_check_scrub record;
	struct cfs_check_repaired repaired;
	struct cfs_check_report left;
};

/* --- which objects ------------------------------------------------------------------- */

/* Whether the image is damaged or missing: the check will report it, because it is one of the objects. */
static bool is_damage_code(int code)
{
	return code == -EIO || code == -EILSEQ || code == -EUCLEAN || code == -ENOENT ||
	       code == -ENOTTY;
}

/* The image is copied: access to a damaged page of a mapped one would be a SIGBUS. */
static int map_scrubbed_image(const struct cfs_repo *repo, const struct cfs_digest *id,
			      struct cfs_map *out, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_repo_open_object(repo, id, CFS_REPO_PROVEN, err);

	return fd < 0 ? fd : cfs_image_map(fd, cfs_map_copy, out, err);
}

/* Adds an image and all its objects. A damaged image is found by the scrub itself, so
 * it is no error here. */
static int add_image_ids(const struct options *o, const struct cfs_repo *repo,
			 const struct cfs_digest *id, struct cfs_ids *ids,
			 struct cfs_err *err)
{
	struct cfs_image im;
	struct cfs_map map;
	int rc = cfs_ids_add(ids, id->bytes, err);

	if (rc == 0)
		rc = map_scrubbed_image(repo, id, &map, err);
	if (rc < 0)
		return is_damage_code(rc) ? 0 : rc;
	rc = cfs_image_open(map.span, &im, err);
	if (rc == 0)
		rc = cfs_repo_list_image_objects(&im, o->where.watch, ids, NULL, err);
	cfs_map_close(&map);
	return is_damage_code(rc) ? 0 : rc;
}

/* Whether the mount has an image of this repository. The paths in the table of mounts do not
 * tell: kernels before 6.13 show those that the mounting program had. */
static int is_of_repo(const struct cfs_repo *repo, const struct cfs_image_mount *m,
		      struct cfs_err *err)
{
	if (!m->has_id || m->id.alg != cfs_repo_get_meta(repo)->alg)
		return 0;
	return cfs_repo_has_object(repo, &m->id, err);
}

/* Adds the images of this repository that are mounted: damage in them matters first. */
static int add_mounted(const struct options *o, const struct cfs_repo *repo,
		       struct cfs_ids *ids, struct cfs_err *err)
{
	struct cfs_mount_table table = {0};
	struct cfs_image_mount m;
	int rc = cfs_mount_table_read(&table, err);

	for (size_t i = 0; rc >= 0 && i < table.n; i++) {
		rc = cfs_image_mount_recognize(&table.v[i], &table.arena, &m, err);
		if (rc > 0)
			rc = is_of_repo(repo, &m, err);
		if (rc > 0)
			rc = cfs_context(err, add_image_ids(o, repo, &m.id, ids, err),
					 "%s", m.place);
	}
	cfs_mount_table_fini(&table);
	return rc < 0 ? rc : 0;
}

static int collect_objects(const struct options *o, const struct cfs_repo *repo,
			   char **images, struct cfs_ids *ids, struct cfs_err *err)
{
	int rc = o->mounted ? add_mounted(o, repo, ids, err) : 0;

	for (char **image = images; rc == 0 && *image; image++) {
		struct cfs_digest id;

		rc = cfs_repo_find_image(repo, *image, &id, err);
		if (rc == 0)
			rc = cfs_context(err, add_image_ids(o, repo, &id, ids, err), "%s",
					 *image);
	}
	return rc < 0 ? rc : cfs_ids_settle(ids, err);
}

/* --- the run ------------------------------------------------------------------------- */

static int scrub_objects(const struct options *o, struct cfs_repo *repo,
			 const struct cfs_ids *only, struct result *out,
			 struct cfs_err *err)
{
	const struct cfs_check_opts opts = {.background = true,
					    .reads_sealed = true,
					    .only = only,
					    .watch = o->where.watch};

	if (!o->repair)
		return cfs_check_repo(repo, &opts, &out->left, err);
	return repair_repo(&o->sources, repo, &opts, &out->repaired, &out->left, err);
}

static void fill_record(struct result *r, bool whole)
{
	r->record.end_sec = (uint64_t)time(NULL);
	r->record.whole = whole;
	r->record.n_objects = r->left.n_objects;
	r->record.n_damaged = r->left.n_bad_objects;
	r->record.n_missing = r->left.n_missing;
	r->record.n_repaired = r->repaired.n_fetched + r->repaired.n_sealed;
}

/* A repository that cannot be written has no record. */
static int scrub_repo(const struct options *o, struct cfs_repo *repo, char **images,
		      struct result *out, struct cfs_err *err)
{
	bool whole = !o->mounted && !*images;
	struct cfs_err why;
	struct cfs_ids ids;
	int rc;

	cfs_ids_init(&ids, cfs_repo_get_meta(repo)->alg);
	rc = collect_objects(o, repo, images, &ids, err);
	if (rc == 0)
		rc = scrub_objects(o, repo, whole ? NULL : &ids, out, err);
	cfs_ids_fini(&ids);
	if (rc < 0)
		return rc;
	fill_record(out, whole);
	if (cfs_check_scrub_write(repo, &out->record, &why) < 0)
		cli_print_warning(o->name, "the result is not recorded: %s", why.msg);
	return 0;
}

/* Verifies objects in the background and fills in *out. With --repair the repository
 * is opened for writing, otherwise damage is only reported. */
static int run_scrub(struct options *o, char **images, struct result *out,
		     struct cfs_err *err)
{
	struct cli_watch watch;
	struct cfs_repo *repo;
	int rc = repair_sources_check(&o->sources, err);

	out->record.begin_sec = (uint64_t)time(NULL);
	cli_watch_start(&watch, o->name);
	o->where.watch = &watch.watch;
	if (rc == 0)
		rc = where_open(&o->where, o->repair ? CFS_REPO_WRITE : CFS_REPO_READ,
				&repo, err);
	if (rc == 0) {
		idle_set_priority();
		rc = scrub_repo(o, repo, images, out, err);
		cfs_repo_close(repo);
	}
	cli_watch_end(&watch);
	return rc;
}

/* --- output -------------------------------------------------------------------------- */

static void print_scrub_json(const struct result *r)
{
	struct json j = {.to = stdout};
	char text[CLI_TIME_MAX];

	json_begin_object(&j, NULL);
	json_put_string(&j, "began",
			cli_format_utc_time((int64_t)r->record.begin_sec, text));
	json_put_string(&j, "ended",
			cli_format_utc_time((int64_t)r->record.end_sec, text));
	json_put_string(&j, "scope", r->record.whole ? "repository" : "images");
	json_put_uint(&j, "objects_quarantined", r->repaired.n_quarantined);
	json_put_uint(&j, "objects_fetched", r->repaired.n_fetched);
	json_put_uint(&j, "objects_sealed", r->repaired.n_sealed);
	report_put_json(&j, "left", &r->left);
	json_finish(&j);
}

static void print_scrub_result(const struct options *o, const struct result *r)
{
	if (o->json) {
		print_scrub_json(r);
		return;
	}
	report_print(o->name, &r->left);
	if (o->repair && !cli_is_quiet())
		printf("moved aside: %" PRIu64 ", fetched: %" PRIu64 ", sealed: %" PRIu64
		       "\n",
		       r->repaired.n_quarantined, r->repaired.n_fetched,
		       r->repaired.n_sealed);
	if (!o->repair && cfs_check_report_is_bad(&r->left))
		cli_print_note(o->name, "--repair --from=PLACE repairs the objects");
}

static int parse_scrub_options(struct options *o, char **argv, struct cfs_err *err)
{
	if (o->from.n && !o->repair)
		return cfs_fail(err, EINVAL, "--from=PLACE is for --repair");
	return repair_sources_sort(&o->sources, argv[0], &o->from, err);
}

int cmd_scrub(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 0, argc, ""), rc;
	struct result result = {0};
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (parse_scrub_options(&o, argv, &err) < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		cli_list_fini(&o.from);
		return CLI_USAGE;
	}
	rc = run_scrub(&o, argv + optind, &result, &err);
	cli_list_fini(&o.from);
	if (rc == 0)
		print_scrub_result(&o, &result);
	status = command_end(argv[0], rc, &err);
	if (status == CLI_OK && cfs_check_report_is_bad(&result.left))
		status = STATUS_DAMAGED;
	cfs_check_report_fini(&result.left);
	return status;
}
