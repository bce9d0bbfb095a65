/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs import-image: store an existing image file in the repository. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/cfsctl.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"
#include "cli/verbosity.h"
#include "cli/watch.h"

struct options {
	const char *name; /* of the program */
	const struct cfs_watch *watch;
	struct where where;
	bool missing_ok, json;
};

static const struct cli_option option_table[] = {
	{"missing-ok", NULL, CLI_AT(struct options, missing_ok),
	 "Accept an image whose objects are missing", .group = "Options"},
	{"allow-missing", NULL, CLI_AT(struct options, missing_ok), NULL},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] NAME [FILE]", NULL},
	.about =
		"Store the image FILE (default: standard input) with the reference NAME, "
		"and print its ID.\nThe image must be valid, and the repository must "
		"contain all its objects.",
	.example =
		(const char *const[]){"composefs import-image --repo=repo os/7 < os.cfs",
				      NULL},
	.options = option_table,
};

static const char *get_source_name(const char *file)
{
	return file ? file : "standard input";
}

/* Reads a copy, because the owner of the file could change it during the check. */
static int map_image(int fd, struct cfs_map *map, struct cfs_err *err)
{
	int rc = cfs_image_map(fd, cfs_map_copy, map, err);

	return rc == -EINVAL ? cli_add_advice(rc, err,
					      "create-image stores directories and "
					      "tar archives")
			     : rc;
}

static int map_image_file(const char *file, struct cfs_map *map, struct cfs_err *err)
{
	cfs_autofd int fd = -1;
	int rc;

	if (!file)
		return cfs_context(err, map_image(STDIN_FILENO, map, err), "%s",
				   get_source_name(file));
	fd = cfs_input_open(AT_FDCWD, file, CFS_INPUT_PIPE, err);
	rc = fd < 0 ? fd : map_image(fd, map, err);
	return cfs_context(err, rc, "%s", get_source_name(file));
}

/* Adds the image and syncs it. An image whose objects are missing is refused without
 * --missing-ok, because it could not be mounted completely. */
static int add_imported_image(const struct options *o, struct cfs_repo *repo,
			      struct cfs_span bytes, struct cfs_digest *id,
			      struct cfs_err *err)
{
	const struct cfs_store_opts opts = {.watch = o->watch};
	struct cfs_repo_missing missing;
	struct cfs_store *store;
	char text[WHERE_ID_MAX];
	int rc = cfs_repo_open_store(repo, &opts, &store, err);

	if (rc < 0)
		return rc;
	rc = cfs_repo_add_image(repo, store, bytes, id, &missing, err);
	if (rc == 0 && missing.n && cli_is_cfsctl())
		cli_print_warning(o->name, "%zu %s missing", missing.n,
				  cfs_plural(missing.n, "object of the image is",
					     "objects of the image are"));
	else if (rc == 0 && missing.n && !o->missing_ok)
		rc = cli_add_advice(
			cfs_fail(err, ENOENT, "%zu %s missing, for example %s", missing.n,
				 cfs_plural(missing.n, "object of the image is",
					    "objects of the image are"),
				 where_format_id(&missing.first, text)),
			err, "--missing-ok accepts this");
	if (rc == 0)
		rc = cfs_store_commit(store, err);
	cfs_store_close(store);
	return rc;
}

/* Prints the ID of an image that is published. */
static int print_imported_id(const struct options *o, const struct cfs_digest *id,
			     struct cfs_err *err)
{
	struct json j = {.to = stdout};
	char text[WHERE_ID_MAX];

	if (o->json) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "id", where_format_id(id, text));
		json_finish(&j);
	} else {
		puts(where_format_id(id, text));
	}
	return cli_flush(err);
}

static int import_image(struct options *o, struct cfs_repo *repo, const char *ref,
			const char *file, struct cfs_span bytes, struct cfs_digest *id,
			struct cfs_err *err)
{
	struct cfs_repo_link link = {.kind = CFS_REPO_IMAGES, .ref = ref};
	struct cli_watch watch;
	int rc;

	cli_watch_start(&watch, o->name);
	o->watch = &watch.watch;
	rc = cfs_context(err, add_imported_image(o, repo, bytes, id, err), "%s",
			 get_source_name(file));
	link.id = *id;
	if (rc == 0)
		rc = cfs_repo_publish(repo, &link, err);
	cli_watch_end(&watch);
	return rc < 0 ? rc : print_imported_id(o, id, err);
}

/* Imports the file as an image called ref. The file is read before the repository is
 * opened, so that a bad name or file does not wait for the lock. */
static int run_import(struct options *o, const char *ref, const char *file,
		      struct cfs_digest *id, struct cfs_err *err)
{
	struct cfs_repo *repo;
	struct cfs_map map;
	int rc = cfs_repo_check_ref(cfs_text(cfs_repo_ref_name(ref)), err);

	if (rc == 0)
		rc = map_image_file(file, &map, err);
	if (rc < 0)
		return rc;
	rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);
	if (rc == 0) {
		where_record_as(repo, "import-image");
		rc = import_image(o, repo, ref, file, map.span, id, err);
		cfs_repo_close(repo);
	}
	cfs_map_close(&map);
	return rc;
}

int cmd_import_image(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&syntax, argc, argv, &o, 1, 2, "expected NAME [FILE]"),
	    rc;
	char name[CFSCTL_NAME_MAX];
	struct cfs_digest id;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = run_import(&o, cfsctl_new_name(argv[optind], name),
			argc - optind > 1 ? argv[optind + 1] : NULL, &id, &err);
	return command_end(argv[0], rc, &err);
}
