/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci fsck, import-layer: check container images, add single layers. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/oci/oci.h"

struct options {
	struct where where;
	bool json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option fsck_table[] = {
	{"json", NULL, AT(json), "Print one JSON object", .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_option import_table[] = {
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax fsck_syntax = {
	.usage = (const char *const[]){"[OPTIONS] [IMAGE]...", NULL},
	.about = "Check container images, by default all that have a tag: manifest and "
		 "configuration\n"
		 "against their digests, each layer against its diff_id, and the image "
		 "made of them\n"
		 "against its ID. \"composefs fsck\" checks the other parts of a "
		 "repository.",
	.status = "0 sound, 1 failure, 2 wrong usage, 3 damaged",
	.example = (const char *const[]){"composefs oci fsck --repo=repo app", NULL},
	.options = fsck_table,
};

static const struct cli_syntax import_syntax = {
	.usage = (const char *const[]){"[OPTIONS] DIFF_ID [FILE]", NULL},
	.about = "Store a layer from a tar archive, compressed or not, which must have "
		 "the digest\n"
		 "DIFF_ID when it is uncompressed. Without FILE, or with -, read "
		 "standard input.",
	.example =
		(const char *const[]){"composefs oci import-layer --repo=repo sha256:... "
				      "layer.tar",
				      NULL},
	.options = import_table,
};

/* --- fsck --------------------------------------------------------------------------- */

/* What is checked, and where faults go. */
struct report {
	const struct cfs_repo *repo;
	const struct cfs_watch *watch;
	const char *image;
	struct json *json; /* NULL: text */
	size_t n_faults;
};

static void print_fault(void *ctx, const char *sentence)
{
	struct report *r = ctx;

	if (!r->json) {
		cli_print(stdout, r->image);
		fputs(": ", stdout);
		cli_print(stdout, sentence);
		putchar('\n');
		return;
	}
	json_begin_object(r->json, NULL);
	json_put_string(r->json, "name", r->image);
	json_put_string(r->json, "fault", sentence);
	json_end(r->json);
}

static int check_tagged_image(void *ctx, const char *name, struct cfs_err *err)
{
	struct report *r = ctx;
	size_t n = 0;
	int rc;

	r->image = name;
	rc = cfs_containers_check(r->repo, name, print_fault, r, r->watch, &n, err);
	r->n_faults += n;
	if (rc == 0 && n == 0 && !r->json && !cli_is_quiet()) {
		cli_print(stdout, name);
		fputs(": ok\n", stdout);
	}
	return cfs_context(err, rc, "%s", name);
}

static int check_every_image(struct report *r, struct cfs_err *err)
{
	struct cfs_repo_list refs = {0};
	int rc = cfs_repo_list_refs(r->repo, CFS_REPO_STREAMS, &refs, err);

	if (rc == 0)
		rc = cfs_containers_visit_tags(&refs, check_tagged_image, r, err);
	cfs_repo_list_fini(&refs);
	return rc;
}

static int check_named_images(struct options *o, char **names, struct report *r,
			      struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_READ, &repo, err);

	if (rc < 0)
		return rc;
	r->repo = repo;
	if (!*names)
		rc = check_every_image(r, err);
	for (; rc == 0 && *names; names++)
		rc = check_tagged_image(r, *names, err);
	cfs_repo_close(repo);
	return rc;
}

int cmd_oci_fsck(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&fsck_syntax, argc, argv, &o, 0, argc, ""), rc;
	struct json j = {.to = stdout};
	struct report r = {0};
	struct cli_watch watch;
	struct cfs_err err;

	if (status >= 0)
		return status;
	if (o.json) {
		r.json = &j;
		json_begin_object(&j, NULL);
		json_begin_array(&j, "faults");
	}
	cli_watch_start(&watch, argv[0]);
	r.watch = &watch.watch;
	rc = check_named_images(&o, argv + optind, &r, &err);
	cli_watch_end(&watch);
	if (o.json)
		json_finish(&j);
	status = command_end(argv[0], rc, &err);
	return status == CLI_OK && r.n_faults ? STATUS_DAMAGED : status;
}

/* --- import-layer ------------------------------------------------------------------- */

static int import_from(struct options *o, const struct cfs_oci_digest *diff_id, int fd,
		       const struct cfs_watch *watch, struct cfs_err *err)
{
	struct cfs_watched_fd from = {.fd = fd, .watch = watch};
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);

	if (rc < 0)
		return rc;
	rc = cfs_containers_import_layer(repo, cfs_feed_watched_fd(&from), diff_id, watch,
					 err);
	cfs_repo_close(repo);
	return rc;
}

/* Imports a layer from a file or standard input, under the diff_id that it must have. */
static int import_file(struct options *o, const char *digest, const char *file,
		       const struct cfs_watch *watch, struct cfs_err *err)
{
	bool is_stdin = !file || strcmp(file, "-") == 0;
	struct cfs_oci_digest diff_id;
	cfs_autofd int fd = -1;
	int rc = cfs_oci_digest_parse(cfs_text(digest), &diff_id, err);

	if (rc < 0)
		return rc;
	if (is_stdin)
		return import_from(o, &diff_id, STDIN_FILENO, watch, err);
	fd = cfs_input_open(AT_FDCWD, file, 0, err);
	rc = fd < 0 ? fd : import_from(o, &diff_id, fd, watch, err);
	return cfs_context(err, rc, "%s", file);
}

int cmd_oci_import_layer(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&import_syntax, argc, argv, &o, 1, 2,
				   "expected DIFF_ID [FILE]"),
	    rc;
	struct cli_watch watch;
	struct cfs_err err;

	if (status >= 0)
		return status;
	cli_watch_start(&watch, argv[0]);
	rc = import_file(&o, argv[optind], argv[optind + 1], &watch.watch, &err);
	cli_watch_end(&watch);
	return command_end(argv[0], rc, &err);
}
