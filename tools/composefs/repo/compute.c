/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs compute-id, compute-karg, create-dumpfile: compute the result of create-image
 * without storing anything.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/dump_line.h"
#include "cli/entry_json.h"
#include "source/source.h"
#include "cli/profile_option.h"
#include "cli/watch.h"
#include "composefs/repo/commands.h"
#include "cli/repo_option.h"

struct options {
	const char *name; /* of the program */
	struct where where;
	struct cfs_repo_meta
		meta; /* alg 0: that of the repository, or the default of init */
	struct cfs_scan_opts scan;
	struct profiled what;
	struct cfs_profile_rules rules; /* the rules that were applied */
	bool hash_given, format_given, no_repo, json;
	bool insecure; /* the kernel argument allows a boot without fs-verity */
};

#define AT(member) CLI_AT(struct options, member)

#define COMPUTE_OPTIONS                                                                  \
	{"hash",                                                                         \
	 "NAME",                                                                         \
	 AT(meta.alg),                                                                   \
	 "Use sha256 or sha512 (default: as the repository, or sha512)",                 \
	 CLI_CHOICE,                                                                     \
	 .choices = cli_repo_algs,                                                       \
	 CLI_GIVEN(struct options, hash_given),                                          \
	 .group = "Options"},                                                            \
		{"erofs-version",                                                        \
		 "N",                                                                    \
		 AT(meta.format),                                                        \
		 "Use image format 0 or 1 (default: as the repository, or 1)",           \
		 CLI_NUMBER,                                                             \
		 .max = CFS_IMAGE_VERSION_MAX,                                           \
		 CLI_GIVEN(struct options, format_given)},                               \
		{"no-repo", NULL, AT(no_repo),                                           \
		 "Do not read defaults from a repository"},                              \
		PROFILED_OPTIONS(struct options, scan, what)

static const struct cli_option id_table[] = {
	COMPUTE_OPTIONS,
	{"json", NULL, AT(json), "Print one JSON object", .group = "Other"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

/* --insecure is accepted for cfsctl, which has it before the command. */
static const struct cli_option karg_table[] = {
	COMPUTE_OPTIONS,
	{"json", NULL, AT(json), "Print one JSON object", .group = "Other"},
	{"insecure", NULL, AT(insecure), NULL},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_option dump_table[] = {
	COMPUTE_OPTIONS,
	{"json", NULL, AT(json), "Print one JSON array", .group = "Other"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax id_syntax = {
	.usage = (const char *const[]){"[OPTIONS] SOURCE", NULL},
	.about = "Compute the ID of the image that create-image would make of SOURCE, a "
		 "directory or a tar\narchive (-: standard input), without storing "
		 "anything.",
	.example =
		(const char *const[]){"composefs compute-id --hash=sha256 /usr/share/doc",
				      NULL},
	.options = id_table,
};

static const struct cli_syntax karg_syntax = {
	.usage = (const char *const[]){"[OPTIONS] SOURCE", NULL},
	.about = "Compute the kernel argument that makes an initrd boot the image of "
		 "SOURCE, and no other,\nwithout storing anything.",
	.example = (const char *const[]){"composefs compute-karg --hash=sha256 /srv/root",
					 NULL},
	.options = karg_table,
};

static const struct cli_syntax dump_syntax = {
	.usage = (const char *const[]){"[OPTIONS] SOURCE", NULL},
	.about =
		"Print the tree of the image that create-image would make of SOURCE as a "
		"dump, see\ncomposefs-dump(5), without storing anything.",
	.example =
		(const char *const[]){
			"composefs create-dumpfile /usr/share/doc > doc.dump",
			"composefs create-dumpfile rootfs.tar.gz > rootfs.dump", NULL},
	.options = dump_table,
};

/* Sets options that were not given: from the repository, if one was named, otherwise from
 * the defaults of init. */
static int fill_defaults(struct options *o, struct cfs_err *err)
{
	struct cfs_repo_meta meta = {.alg = CFS_SHA512, .format = 1};
	struct cfs_repo *repo;
	int rc = 0;

	if (o->what.profile) {
		o->meta.alg = o->what.profile->rules.alg;
		return 0;
	}
	/* cfsctl also uses the default repository, if it exists. */
	if (!o->no_repo && (where_is_chosen(&o->where) || cli_is_cfsctl())) {
		rc = where_open(&o->where, CFS_REPO_LOOK, &repo, err);
		if (rc < 0 && (rc != -ENOENT || where_is_chosen(&o->where)))
			return rc;
		if (rc == 0) {
			meta = *cfs_repo_get_meta(repo);
			cfs_repo_close(repo);
		}
		rc = 0;
	}
	if (!o->meta.alg)
		o->meta.alg = meta.alg;
	if (!o->format_given)
		o->meta.format = meta.format;
	if (o->meta.format > CFS_IMAGE_VERSION_MAX)
		rc = cfs_fail(
			err, ENOTSUP,
			"expected image format 0 or 1, got %u, which can only be read",
			o->meta.format);
	return rc;
}

/* Leaves out the places that create-image leaves out: its repository, also the default
 * one. */
static int find_compute_places(struct options *o, struct cfs_own_places *own,
			       struct cfs_err *err)
{
	const char *path;
	int rc = 0;

	if (where_is_given(&o->where))
		rc = where_find_path(&o->where, &path, err);
	else if (where_find_path(&o->where, &path, NULL) < 0)
		path = NULL;
	if (rc == 0 && path && !o->no_repo)
		rc = cfs_own_places_add_dir(own, path, "the repository", err);
	if (rc < 0 && !where_is_given(&o->where))
		rc = 0;
	return rc < 0 ? rc : cfs_own_places_add_std(own, err);
}

/* digest may be NULL. */
static int compute_image(struct options *o, const char *source, struct cfs_sink to,
			 struct cfs_digest *digest, struct cfs_err *err)
{
	struct cfs_ingest in = {
		.source = source, .read = cfs_ingest_choose(source), .scan = o->scan};
	struct cfs_image_write how = {.digest = digest};
	struct cli_watch watch;
	struct cfs_tree *tree;
	int rc = fill_defaults(o, err);

	if (rc < 0)
		return rc;
	rc = find_compute_places(o, &in.own, err);
	if (rc < 0)
		return rc;
	in.scan.alg = o->meta.alg;
	how.form = profiled_get_image_opts(&o->what, o->meta.format);
	cli_watch_start(&watch, o->name);
	how.watch = in.watch = &watch.watch;
	rc = profiled_ingest(&o->what, &in, o->meta.format, &o->rules, &tree, err);
	if (rc == 0) {
		rc = cfs_image_write(tree, &how, to, err);
		cfs_tree_free(tree);
	}
	cli_watch_end(&watch);
	return rc;
}

/* Refuses options that the profile decides, here also hash and format. */
static int check_compute_options(const struct options *o, struct cfs_err *err)
{
	const struct profiled_option excluded[] = {
		{o->hash_given, "--hash"},
		{o->format_given, "--erofs-version"},
	};
	int rc = profiled_check_all(&o->what, &o->scan, err);

	return rc < 0 ? rc : profiled_check(o->what.profile, excluded, 2, err);
}

/* --- compute-id, compute-karg ------------------------------------------------------------ */

static void print_computed_id(const struct options *o, const struct cfs_digest *id)
{
	char hex[CFS_DIGEST_HEX_MAX], text[WHERE_ID_MAX];
	struct json j = {.to = stdout};

	if (!o->json) {
		profiled_print_name(o->name, &o->rules);
		puts(cli_is_cfsctl() ? cfs_digest_hex(id, hex)
				     : where_format_id(id, text));
		return;
	}
	json_begin_object(&j, NULL);
	json_put_string(&j, "id", where_format_id(id, text));
	profiled_put_json(&j, &o->rules);
	json_finish(&j);
}

/* The kernel argument calls formats 0 and 1 "v1". 12 is the logarithm of the fs-verity
 * block size. As cfsctl, the tree has been made bootable before. */
static void print_karg(const struct options *o, const struct cfs_digest *id)
{
	char hex[CFS_DIGEST_HEX_MAX], karg[CFS_DIGEST_HEX_MAX + 64];
	struct json j = {.to = stdout};

	snprintf(karg, sizeof(karg), "composefs.digest=%sv1-%s-12:%s",
		 o->insecure ? "?" : "", cfs_hash_name(id->alg), cfs_digest_hex(id, hex));
	if (!o->json) {
		profiled_print_name(o->name, &o->rules);
		puts(karg);
		return;
	}
	json_begin_object(&j, NULL);
	json_put_string(&j, "karg", karg);
	json_finish(&j);
}

static int
run_compute(const struct cli_syntax *syntax, int argc, char **argv, struct options *o,
	    void (*print)(const struct options *o, const struct cfs_digest *id))
{
	int status = command_begin(syntax, argc, argv, o, 1, 1,
				   "expected a directory or a tar archive"),
	    rc;
	struct cfs_digest id;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = check_compute_options(o, &err);
	if (rc == 0)
		rc = compute_image(o, argv[optind], (struct cfs_sink){0}, &id, &err);
	if (rc == 0)
		print(o, &id);
	return command_end(argv[0], rc, &err);
}

int cmd_compute_id(int argc, char **argv)
{
	struct options o = {.name = argv[0]};

	return run_compute(&id_syntax, argc, argv, &o, print_computed_id);
}

int cmd_compute_karg(int argc, char **argv)
{
	struct options o = {.name = argv[0], .what.bootable = cli_is_cfsctl()};

	return run_compute(&karg_syntax, argc, argv, &o, print_karg);
}

/* --- create-dumpfile --------------------------------------------------------------------- */

/* Reads the image back, because it alone has the sizes and link counts of directories and the xattrs that the writer adds
 * for overlayfs (trusted.overlay.opaque of a directory with whiteouts). */
static int write_dump(const struct options *o, struct cfs_span bytes, struct cfs_err *err)
{
	char *all[] = {NULL};
	struct cfs_image im;
	int rc;

	if (!o->json)
		return dump_print_image(bytes, err);
	rc = cfs_image_open(bytes, &im, err);
	return rc < 0 ? rc : entries_print_json(&im, all, err);
}

int cmd_create_dumpfile(int argc, char **argv)
{
	struct options o = {.name = argv[0]};
	int status = command_begin(&dump_syntax, argc, argv, &o, 1, 1,
				   "expected a directory or a tar archive"),
	    rc;
	struct cfs_mem image = {0};
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = check_compute_options(&o, &err);
	if (rc == 0)
		rc = compute_image(&o, argv[optind], cfs_sink_mem(&image), NULL, &err);
	if (rc == 0)
		rc = write_dump(&o, cfs_mem_span(&image), &err);
	free(image.p);
	return command_end(argv[0], rc, &err);
}
