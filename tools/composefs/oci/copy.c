/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci copy: a container image from another repository. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/oci/oci.h"

#define NEEDS_NAME "an image without a tag needs --name=TAG"

struct options {
	struct where where;
	struct oci_merge merge;
	const char *from, *name;
	bool json, referrers, all_platforms;
	struct oci_all all;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"from", "REPO", AT(from), "Copy from the repository in the directory REPO",
	 CLI_TEXT, .group = "Options"},
	{"name", "TAG", AT(name), "Give the image this tag instead of its own", CLI_TEXT},
	{"referrers", NULL, AT(referrers),
	 "Copy all artifacts that refer to the image (default: its signatures)"},
	{"all-platforms", NULL, AT(all_platforms),
	 "Copy an index and the images of all its platforms"},
	{"json", NULL, AT(json), "Print one JSON object"},
	OCI_MERGE_OPTIONS(struct options, merge),
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] --from=REPO IMAGE", NULL},
	.about = "Copy a container image from another repository, except for the layers "
		 "that this\n"
		 "repository has. Each layer is verified by its diff_id. The "
		 "repositories may use\n"
		 "different algorithms. IMAGE is a tag or a digest; with a digest, "
		 "--name is required.",
	.example = (const char *const[]){"composefs oci copy --repo=repo "
					 "--from=/mnt/usb/repo app",
					 NULL},
	.options = option_table,
};

/* A digest is no name for the copy, so --name is required unless image is a tag. */
static int copy_container_image(struct options *o, struct cfs_repo *from,
				struct cfs_repo *to, const char *image, const char *tag,
				const struct cfs_watch *watch,
				struct cfs_pull_result *out, struct cfs_err *err)
{
	struct cfs_pull_opts opts = {.tag = tag,
				     .merge = oci_get_merge_opts(&o->merge, watch),
				     .referrers = o->referrers ? CFS_REFERRERS_ALL
							       : CFS_REFERRERS_SEALS,
				     .watch = watch};
	struct cfs_transport source;
	int rc = cfs_containers_open_source(from, image, watch, &source, err);

	if (rc < 0)
		return rc;
	rc = o->name ? 1 : cfs_containers_has_tag(from, image, err);
	if (rc == 0)
		rc = cfs_fail(err, EINVAL, "%s: " NEEDS_NAME, image);
	else if (rc > 0)
		rc = o->all_platforms ? oci_pull_all(to, &source, &opts, &o->all, err)
				      : cfs_containers_pull(to, &source, &opts, out, err);
	cfs_transport_close(&source);
	return rc;
}

/* Opens both repositories: the destination for writing, the source for reading. */
static int copy_between(struct options *o, const char *image, const char *tag,
			const struct cfs_watch *watch, struct cfs_pull_result *out,
			struct cfs_err *err)
{
	struct cfs_repo *from, *to;
	int rc = where_open(&o->where, CFS_REPO_WRITE, &to, err);

	if (rc < 0)
		return rc;
	rc = cfs_repo_open(o->from, CFS_REPO_READ, &from, err);
	if (rc == 0) {
		rc = copy_container_image(o, from, to, image, tag, watch, out, err);
		cfs_repo_close(from);
	}
	cfs_repo_close(to);
	return rc < 0 ? cfs_context(err, rc, "%s", o->from) : rc;
}

static int check_copy_options(const struct options *o, const char *image,
			      struct cfs_err *err)
{
	if (!o->from)
		return cfs_fail(err, EINVAL, "expected --from=REPO");
	if (*image == '@' && !o->name)
		return cfs_fail(err, EINVAL, NEEDS_NAME);
	return 0;
}

static void print_copy_result(const struct options *o, const struct cfs_pull_result *r,
			      const char *tag)
{
	struct json j = {.to = stdout};
	char id[WHERE_ID_MAX], digest[CFS_OCI_DIGEST_TEXT_MAX];

	if (!o->json) {
		puts(r->is_image ? where_format_id(&r->image, id)
				 : cfs_oci_digest_text(&r->manifest, digest));
		return;
	}
	json_begin_object(&j, NULL);
	json_put_string(&j, "id", r->is_image ? where_format_id(&r->image, id) : NULL);
	json_put_string(&j, "name", tag);
	json_put_uint(&j, "layers", r->n_layers);
	json_put_uint(&j, "layers_present", r->n_present);
	json_put_uint(&j, "referrers", r->n_referrers);
	json_finish(&j);
}

int cmd_oci_copy(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected IMAGE"), rc;
	struct cfs_pull_result result;
	struct cli_watch watch;
	struct cfs_err err;
	const char *tag;

	if (status >= 0)
		return status;
	tag = o.name ? o.name : argv[optind];
	rc = check_copy_options(&o, argv[optind], &err);
	if (rc < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		return CLI_USAGE;
	}
	cli_watch_start(&watch, argv[0]);
	rc = copy_between(&o, argv[optind], tag, &watch.watch, &result, &err);
	cli_watch_end(&watch);
	if (rc == 0 && o.all_platforms)
		oci_print_all(&o.all, argv[0], tag, o.json);
	else if (rc == 0)
		print_copy_result(&o, &result, tag);
	oci_all_fini(&o.all);
	return command_end(argv[0], rc, &err);
}
