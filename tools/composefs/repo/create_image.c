/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs create-image: store a directory as an image with its objects. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "composefs/cfsctl.h"
#include "source/source.h"
#include "cli/profile_option.h"
#include "cli/remarks.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

struct options {
	const char *name; /* of the program */
	const struct cfs_watch *watch;
	struct where where;
	struct cfs_scan_opts scan;
	struct profiled what;
	struct cfs_profile_rules rules; /* the rules that were applied */
	unsigned format;		/* image format */
	bool format_given;		/* otherwise that of the repository */
	bool json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	PROFILED_OPTIONS(struct options, scan, what),
	{"erofs-version", "N", AT(format),
	 "Use image format 0 or 1 (default: as the repository)", CLI_NUMBER,
	 .max = CFS_IMAGE_VERSION_MAX, CLI_GIVEN(struct options, format_given),
	 .group = "Other"},
	{"threads", "N", AT(scan.threads),
	 "Read files with N threads (default: one per CPU, at least 8)", CLI_NUMBER,
	 .min = 1, .max = UINT16_MAX},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] SOURCE [NAME]", NULL},
	.about = "Store SOURCE as an image in the repository, add the reference NAME if "
		 "one is given, and print\nthe image ID. SOURCE is a directory, or a tar "
		 "archive: a file, plain or compressed by gzip or\nzstd, or - for "
		 "standard "
		 "input.",
	.example =
		(const char *const[]){
			"composefs create-image --repo=repo /usr/share/doc docs",
			"composefs create-image --repo=repo rootfs.tar.zst os/7",
			"composefs mount --repo=repo docs /mnt", NULL},
	.options = option_table,
};

/* Stores the objects and the image. One commit makes both durable. */
static int store_tree(struct cfs_store *store, struct options *o,
		      const struct cfs_repo *repo, const char *source,
		      struct cfs_digest *out, struct cfs_err *err)
{
	const struct cfs_repo_meta *meta = cfs_repo_get_meta(repo);
	unsigned format = o->format_given ? o->format : meta->format;
	struct cfs_image_opts form = profiled_get_image_opts(&o->what, format);
	struct cfs_ingest in = {.watch = o->watch,
				.source = source,
				.read = cfs_ingest_choose(source),
				.into = store,
				.scan = o->scan};
	struct cfs_tree *tree;
	int rc = cfs_own_places_add_dir(&in.own, cfs_repo_get_path(repo),
					"the repository", err);

	if (rc == 0)
		rc = cfs_own_places_add_std(&in.own, err);
	if (rc < 0)
		return rc;
	in.scan.alg = meta->alg;
	rc = profiled_ingest(&o->what, &in, format, &o->rules, &tree, err);
	if (rc < 0)
		return rc;
	rc = remarks_print_warnings(o->watch, tree, err);
	if (rc == 0)
		rc = cfs_repo_add_tree(repo, store, tree, &form, out, err);
	cfs_tree_free(tree);
	return rc < 0 ? rc : cfs_store_commit(store, err);
}

/* Prints the ID of an image that is published. */
static int print_created_id(const struct options *o, const struct cfs_digest *id,
			    const char *ref, struct cfs_err *err)
{
	struct json j = {.to = stdout};
	char text[WHERE_ID_MAX];

	if (!o->json) {
		puts(where_format_id(id, text));
		return cli_flush(err);
	}
	json_begin_object(&j, NULL);
	json_put_string(&j, "id", where_format_id(id, text));
	json_put_string(&j, "name", ref ? cfs_repo_ref_name(ref) : NULL);
	profiled_put_json(&j, &o->rules);
	json_finish(&j);
	return cli_flush(err);
}

/* Stores the source as an image, publishes it as ref (NULL: without a name) and prints
 * the ID. The objects are on disk before the name exists. */
static int create_image(struct options *o, struct cfs_repo *repo, const char *source,
			const char *ref, struct cfs_digest *out, struct cfs_err *err)
{
	/* An archive is read by one thread, and the fewer there are, the fewer the syncs. */
	bool is_archive = cfs_ingest_choose(source) == cfs_ingest_archive;
	struct cfs_store_opts opts = {
		.n_workers = is_archive ? 1 : cfs_scan_threads(&o->scan),
		.watch = o->watch,
	};
	struct cfs_repo_link link = {.kind = CFS_REPO_IMAGES, .ref = ref};
	struct cfs_store *store;
	int rc = cfs_repo_open_store(repo, &opts, &store, err);

	if (rc < 0)
		return rc;
	rc = store_tree(store, o, repo, source, out, err);
	cfs_store_close(store);
	if (rc == 0)
		link.id = *out;
	if (rc == 0)
		rc = cfs_repo_publish(repo, &link, err);
	if (rc == 0 && !o->json)
		profiled_print_name(o->name, &o->rules);
	return rc < 0 ? rc : print_created_id(o, out, ref, err);
}

/* Checks the reference first, so that a wrong one is reported before a large directory is
 * read. */
static int run_create(struct options *o, const char *source, const char *ref,
		      struct cfs_digest *out, struct cfs_err *err)
{
	struct cli_watch watch;
	struct cfs_repo *repo;
	int rc = 0;

	if (ref)
		rc = cfs_repo_check_ref(cfs_text(cfs_repo_ref_name(ref)), err);
	if (rc == 0)
		rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);
	if (rc < 0)
		return rc;
	cli_watch_start(&watch, o->name);
	o->watch = &watch.watch;
	where_record_as(repo, "create-image");
	rc = create_image(o, repo, source, ref, out, err);
	cli_watch_end(&watch);
	cfs_repo_close(repo);
	return rc;
}

/* Refuses options that the profile decides, here also the format. */
static int check_create_options(const struct options *o, struct cfs_err *err)
{
	const struct profiled_option format = {o->format_given, "--erofs-version"};
	int rc = profiled_check_all(&o->what, &o->scan, err);

	return rc < 0 ? rc : profiled_check(o->what.profile, &format, 1, err);
}

int cmd_create_image(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 1, 2,
				   "expected SOURCE [NAME]"),
	    rc;
	struct cfs_digest id;
	struct cfs_err err;
	const char *ref;
	char name[CFSCTL_NAME_MAX];

	if (status >= 0)
		return status;
	ref = argc - optind > 1 ? cfsctl_new_name(argv[optind + 1], name) : NULL;
	rc = check_create_options(&o, &err);
	if (rc == 0)
		rc = run_create(&o, argv[optind], ref, &id, &err);
	return command_end(argv[0], rc, &err);
}
