/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci push: a container image to a registry or a layout. */
#include <stdio.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/oci/oci.h"

struct options {
	struct where where;
	enum cfs_compression compression;
	unsigned threads;
	struct cfs_registry_access access;
	bool json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_choice compressions[] = {{"gzip", CFS_COMPRESSION_GZIP},
						 {"zstd", CFS_COMPRESSION_ZSTD},
						 {"none", CFS_COMPRESSION_NONE},
						 {0}};

static const struct cli_option option_table[] = {
	{"compression", "KIND", AT(compression),
	 "Compress layers with gzip (the default) or zstd, or not: none", CLI_CHOICE,
	 .choices = compressions, .group = "Options"},
	{"threads", "N", AT(threads), "Layers at a time (default: one a CPU)", CLI_NUMBER,
	 .min = 1, .max = 256},
	{"json", NULL, AT(json), "Print one JSON object"},
	{"insecure-registry", NULL, AT(access.insecure),
	 "Use plain HTTP, and do not check certificates", .group = "Registry"},
	{"creds", "USER:PASSWORD", AT(access.credentials),
	 "Log in so (default: as podman login and docker login)", CLI_TEXT},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE DESTINATION", NULL},
	.about = "Send a container image to a registry or to an OCI image layout, and "
		 "print the digest of\n"
		 "its manifest there. Layers are compressed again, so this digest and "
		 "those of the blobs\n"
		 "differ from what was pulled; configuration and contents do not. Blobs "
		 "that the\n"
		 "destination has are not sent.\n\n"
		 "IMAGE is a tag or @DIGEST. DESTINATION is [docker://][HOST/]NAME[:TAG] "
		 "or oci:DIR[:TAG].",
	.example =
		(const char *const[]){
			"composefs oci push --repo=repo app registry.example/app:1",
			"composefs oci push --repo=repo app oci:layout:latest", NULL},
	.options = option_table,
};

static void print_json(const struct cfs_push_result *r)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "manifest_digest", cfs_oci_digest_text(&r->manifest, text));
	json_put_string(&j, "config_digest", cfs_oci_digest_text(&r->config, text));
	json_put_uint(&j, "layers", r->n_layers);
	json_put_uint(&j, "layers_present", r->n_present);
	json_put_uint(&j, "bytes_sent", r->bytes_sent);
	json_finish(&j);
}

static int push_image(const struct options *o, const struct cfs_repo *repo,
		      const char *image, const char *destination,
		      const struct cfs_watch *watch, struct cfs_push_result *out,
		      struct cfs_err *err)
{
	struct cfs_push_opts opts = {
		.compression = o->compression, .n_threads = o->threads, .watch = watch};
	struct cfs_destination to;
	int rc = oci_open_destination(destination, &o->access, watch, &to, err);

	if (rc < 0)
		return rc;
	rc = cfs_containers_push(repo, image, &to, &opts, out, err);
	cfs_destination_close(&to);
	return cfs_context(err, rc, "%s", destination);
}

int cmd_oci_push(int argc, char **argv)
{
	struct options o = {.compression = CFS_COMPRESSION_GZIP};
	int status = command_begin(&syntax, argc, argv, &o, 2, 2,
				   "expected IMAGE DESTINATION"),
	    rc;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_push_result result;
	struct cli_watch watch;
	struct cfs_repo *repo;
	struct cfs_err err;

	if (status >= 0)
		return status;
	rc = where_open(&o.where, CFS_REPO_READ, &repo, &err);
	if (rc < 0)
		return command_end(argv[0], rc, &err);
	cli_watch_start(&watch, argv[0]);
	rc = push_image(&o, repo, argv[optind], argv[optind + 1], &watch.watch, &result,
			&err);
	cli_watch_end(&watch);
	cfs_repo_close(repo);
	if (rc == 0 && o.json)
		print_json(&result);
	else if (rc == 0)
		puts(cfs_oci_digest_text(&result.manifest, text));
	return command_end(argv[0], rc, &err);
}
