/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci push: a container image to a registry or a layout. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/watch.h"
#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	struct where where;
	struct oci_push push;
	struct cfs_registry_access access;
	bool json;
};

#define AT(member) CLI_AT(struct options, member)

const struct cli_choice oci_compression_choices[] = {{"gzip", OCI_COMPRESSION_GZIP},
						     {"zstd", OCI_COMPRESSION_ZSTD},
						     {"none", OCI_COMPRESSION_NONE},
						     {0}};

static const struct cli_option option_table[] = {
	OCI_PUSH_OPTIONS(struct options, push),
	{"mount-from", "NAME", AT(push.mount_from),
	 "Let the registry take layers from its repository NAME", CLI_TEXT},
	{"json", NULL, AT(json), "Print one JSON object"},
	{"insecure-registry", NULL, AT(access.insecure),
	 "Use plain HTTP, and do not check certificates", .group = "Registry"},
	{"creds", "USER:PASSWORD", AT(access.credentials),
	 "Use these credentials (default: those of podman login, docker login)",
	 CLI_TEXT},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE DESTINATION", NULL},
	.about = "Send a container image to a registry or to an OCI image layout, and "
		 "print the digest of\n"
		 "its manifest there. Layers are compressed again unless pull "
		 "--keep-blobs kept them, so\n"
		 "this digest and those of the blobs differ from what was pulled; "
		 "configuration and\n"
		 "contents do not. Blobs that the destination has, or that a registry "
		 "has in another\n"
		 "repository, are not sent.\n\n"
		 "IMAGE is a tag or a digest. DESTINATION is [docker://]HOST/NAME[:TAG], "
		 "oci:DIR[:TAG],\n"
		 "oci-archive:FILE[:TAG] or docker-archive:FILE[:REFERENCE].",
	.example =
		(const char *const[]){
			"composefs oci push --repo=repo app registry.example/app:1",
			"composefs oci push --repo=repo app oci:layout:latest", NULL},
	.options = option_table,
};

void oci_put_push_json(struct json *j, const struct cfs_push_result *r)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	json_put_string(j, "manifest_digest", cfs_oci_digest_text(&r->manifest, text));
	json_put_string(j, "config_digest",
			r->config.alg ? cfs_oci_digest_text(&r->config, text) : NULL);
	json_put_uint(j, "layers", r->n_layers);
	json_put_uint(j, "layers_present", r->n_present);
	json_put_uint(j, "bytes_sent", r->bytes_sent);
	json_put_uint(j, "referrers", r->n_referrers);
}

static void print_push_json(const struct cfs_push_result *r)
{
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	oci_put_push_json(&j, r);
	json_finish(&j);
}

/* Archives of docker save have plain layers; everything else gets gzip, which every
 * client reads. */
static enum cfs_compression choose_push_compression(const struct oci_push *p,
						    const struct cfs_destination *to)
{
	switch (p->compression) {
	case OCI_COMPRESSION_DEFAULT:
		return to->has_plain_layers ? CFS_COMPRESSION_NONE : CFS_COMPRESSION_GZIP;
	case OCI_COMPRESSION_GZIP:
		return CFS_COMPRESSION_GZIP;
	case OCI_COMPRESSION_ZSTD:
		return CFS_COMPRESSION_ZSTD;
	case OCI_COMPRESSION_NONE:
		break;
	}
	return CFS_COMPRESSION_NONE;
}

/* Opening a destination creates it, which an image that does not exist must not. */
static int check_pushed_image(const struct oci_push *p, const struct cfs_repo *repo,
			      const char *image, struct cfs_err *err)
{
	struct cfs_container_index x;
	struct cfs_container c;
	int rc;

	if (p->all_platforms) {
		rc = cfs_container_index_open(repo, image, &x, err);
		cfs_container_index_close(&x);
		if (rc != 0)
			return rc < 0 ? rc : 0;
		return cfs_fail(err, ENOENT,
				"%s: expected an index, got one image: pull it with "
				"--all-platforms",
				image);
	}
	rc = cfs_container_open(repo, image, &c, err);
	cfs_container_close(&c);
	return rc;
}

static int check_mount_from(const struct oci_push *p, const struct cfs_destination *to,
			    struct cfs_err *err)
{
	if (!p->mount_from)
		return 0;
	if (!to->mount_blob)
		return cfs_fail(err, EINVAL, "--mount-from: expected a registry");
	return cfs_oci_is_name(cfs_text(p->mount_from))
		       ? 0
		       : cfs_fail(err, EINVAL,
				  "--mount-from: expected the NAME of HOST/NAME, got "
				  "\"%.200s\"",
				  p->mount_from);
}

int oci_push_image(const struct oci_push *p, const struct cfs_registry_access *access,
		   const struct cfs_repo *repo, const char *image,
		   const char *destination, const struct cfs_watch *watch,
		   struct cfs_push_result *out, struct cfs_err *err)
{
	struct cfs_push_opts opts = {.referrers = p->referrers ? CFS_REFERRERS_ALL
							       : CFS_REFERRERS_SEALS,
				     .mount_from = p->mount_from,
				     .n_threads = p->threads,
				     .watch = watch};
	struct cfs_destination to;
	int rc = check_pushed_image(p, repo, image, err);

	if (rc == 0)
		rc = oci_open_destination(destination, access, watch, &to, err);
	if (rc < 0)
		return rc;
	opts.compression = choose_push_compression(p, &to);
	opts.any_compression =
		p->compression == OCI_COMPRESSION_DEFAULT && !to.has_plain_layers;
	rc = check_mount_from(p, &to, err);
	if (rc == 0)
		rc = (p->all_platforms ? cfs_containers_push_index : cfs_containers_push)(
			repo, image, &to, &opts, out, err);
	cfs_destination_close(&to);
	return cfs_context(err, rc, "%s", destination);
}

static int push_and_print(const struct repo_work *w, struct cfs_err *err)
{
	const struct options *o = w->options;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cfs_push_result result;
	struct cli_watch watch;
	int rc;

	cli_watch_start(&watch, w->program);
	rc = oci_push_image(&o->push, &o->access, w->repo, w->operands[0], w->operands[1],
			    &watch.watch, &result, err);
	cli_watch_end(&watch);
	if (rc == 0 && o->json)
		print_push_json(&result);
	else if (rc == 0)
		puts(cfs_oci_digest_text(&result.manifest, text));
	return rc;
}

static const struct repo_command command = {
	&syntax, 2, 2, "expected IMAGE DESTINATION", CFS_REPO_READ, push_and_print};

int cmd_oci_push(int argc, char **argv)
{
	struct options o = {0};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
