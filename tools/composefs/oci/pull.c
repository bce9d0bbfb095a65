/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci pull: a container image into the repository. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/oci/oci.h"
#include "composefs/repo_command.h"

struct options {
	const char *program; /* for messages */
	struct where where;
	struct oci_merge merge;
	const char *platform;
	uint64_t max_layer;
	unsigned threads;
	struct cfs_registry_access access;
	enum cfs_pull_seal seal;
	const char *trusted;
	bool json, no_trust, referrers, keep_blobs, all_platforms, signed_only;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_choice seal_choices[] = {{"compare", CFS_SEAL_COMPARE},
						 {"ignore", CFS_SEAL_IGNORE},
						 {"require-digest", CFS_SEAL_REQUIRE},
						 {0}};

static const struct cli_option option_table[] = {
	{"platform", "OS/ARCH[/VARIANT]", AT(platform),
	 "Use the image for this platform (default: that of this machine)", CLI_TEXT,
	 .group = "Options"},
	{"all-platforms", NULL, AT(all_platforms),
	 "Store an index and the images of all its platforms"},
	{"max-layer-size", "SIZE", AT(max_layer),
	 "Refuse layers that are larger when decompressed (default: 64G)", CLI_SIZE,
	 .min = 1},
	{"no-trust-existing", NULL, AT(no_trust),
	 "Compute the digests of layers that the repository has"},
	{"keep-blobs", NULL, AT(keep_blobs),
	 "Also keep layers as they come, so that push sends the same bytes"},
	{"threads", "N", AT(threads), "Read N layers at a time (default: one per CPU)",
	 CLI_NUMBER, .min = 1, .max = 256},
	{"seal", "RULE", AT(seal),
	 "Use the digest in the manifest: compare (default), ignore, require-digest",
	 CLI_CHOICE, .choices = seal_choices},
	{"require-signature", NULL, AT(signed_only),
	 "Refuse an image unless \"oci verify\" would verify it"},
	{"trusted", "DIR", AT(trusted),
	 "With --require-signature: trust the keys in DIR, not those of the system",
	 CLI_TEXT},
	{"referrers", NULL, AT(referrers),
	 "Store all artifacts that refer to the image (default: its signatures)"},
	{"json", NULL, AT(json), "Print one JSON object"},
	{"insecure-registry", NULL, AT(access.insecure),
	 "Use plain HTTP, and do not check certificates", .group = "Registry"},
	{"creds", "USER:PASSWORD", AT(access.credentials),
	 "Use these credentials (default: those of podman login, docker login)",
	 CLI_TEXT},
	OCI_MERGE_OPTIONS(struct options, merge),
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] SOURCE [TAG]", NULL},
	.about = "Store a container image in the repository under TAG (default: SOURCE), "
		 "make an\n"
		 "image of its merged layers, and print the image ID. Layers that the "
		 "repository has\n"
		 "are not read again. All digests and sizes are checked.\n\n"
		 "SOURCE is HOST/NAME[:TAG][@DIGEST], an image of a registry; "
		 "oci:DIR[:TAG] or\n"
		 "oci-archive:FILE[:TAG], an OCI image layout; "
		 "docker-archive:FILE[:NAME|:@NUMBER]; or\n"
		 "containers-storage:[[DRIVER@]ROOT]NAME, an image of podman or buildah.",
	.example =
		(const char *const[]){
			"composefs oci pull --repo=repo oci:layout:latest app",
			"composefs oci mount --repo=repo app /mnt", NULL},
	.options = option_table,
};

static void print_pull_json(const struct cfs_pull_result *r, const char *tag)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], id[WHERE_ID_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "id", r->is_image ? where_format_id(&r->image, id) : NULL);
	json_put_string(&j, "name", tag);
	json_put_string(&j, "manifest_digest", cfs_oci_digest_text(&r->manifest, text));
	json_put_string(&j, "config_digest", cfs_oci_digest_text(&r->config, text));
	json_put_uint(&j, "layers", r->n_layers);
	json_put_uint(&j, "layers_present", r->n_present);
	json_put_uint(&j, "bytes_read", r->bytes_read);
	json_put_uint(&j, "bytes_saved", r->bytes_saved);
	json_put_uint(&j, "referrers", r->n_referrers);
	json_finish(&j);
}

static void print_detail(const void *name, const char *msg)
{
	cli_print_detail(name, "%s", msg);
}

static void print_pull_summary(const struct cfs_pull_result *r, const char *name)
{
	char id[WHERE_ID_MAX], digest[CFS_OCI_DIGEST_TEXT_MAX];

	puts(r->is_image ? where_format_id(&r->image, id)
			 : cfs_oci_digest_text(&r->manifest, digest));
	if (r->bytes_saved)
		cli_print_note(name,
			       "transferred %" PRIu64 " bytes of layers, saved %" PRIu64,
			       r->bytes_read, r->bytes_saved);
	else
		cli_print_detail(name, "transferred %" PRIu64 " bytes of layers",
				 r->bytes_read);
}

/* Pulls one source into the repository. The transport is closed here, also after an
 * error, which names the source. */
static int pull_source(const struct options *o, struct cfs_repo *repo, const char *source,
		       const char *tag, const struct cli_watch *watch,
		       struct oci_all *all, struct cfs_pull_result *out,
		       struct cfs_err *err)
{
	char buf[CFS_OCI_PLATFORM_MAX];
	struct cfs_oci_platform platform;
	struct cfs_pull_opts opts = {
		.merge = oci_get_merge_opts(&o->merge, &watch->watch),
		.seal = o->seal,
		.referrers = o->referrers ? CFS_REFERRERS_ALL : CFS_REFERRERS_SEALS,
		.distrusts_present = o->no_trust,
		.keeps_blobs = o->keep_blobs,
		.max_layer_bytes = o->max_layer,
		.n_threads = o->threads,
		.detail = print_detail,
		.detail_ctx = watch->name,
		.watch = &watch->watch,
	};
	struct cfs_transport from;
	int rc = 0;

	if (o->platform) {
		rc = cfs_oci_platform_parse(o->platform, buf, &platform, err);
		opts.platform = &platform;
	}
	if (rc == 0)
		rc = oci_open_source(source, &o->access, &watch->watch, &from, err);
	if (rc < 0)
		return rc;
	/* What must be verified gets its tag afterwards. */
	opts.tag = o->signed_only ? NULL : tag;
	rc = o->all_platforms ? oci_pull_all(repo, &from, &opts, all, err)
			      : cfs_containers_pull(repo, &from, &opts, out, err);
	if (rc == 0 && from.origin)
		cli_print_detail(o->program, "the image comes from %s",
				 from.origin(from.ctx));
	cfs_transport_close(&from);
	return cfs_context(err, rc, "%s", source);
}

/* Verifies the image that was pulled, and tags it. Until then only its digest names it, and
 * the next garbage collection removes it. The lock of the repository is held. */
static int tag_verified(const struct options *o, struct cfs_repo *repo,
			const struct cfs_pull_result *r, const char *tag,
			struct cfs_err *err)
{
	char name[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@";
	int rc = 0;

	cfs_oci_digest_text(&r->manifest, name + 1);
	if (!r->is_image)
		rc = cfs_fail(
			err, ENODATA,
			"expected a signed image, got an artifact that has no image");
	if (rc == 0)
		rc = oci_verify_signed(repo, name, o->trusted, err);
	return rc < 0 ? cfs_context(err, rc, "%s: not tagged", tag)
		      : oci_tag_container(repo, name, tag, err);
}

static int check_pull_options(const struct options *o, struct cfs_err *err)
{
	if (o->platform && o->all_platforms)
		return cfs_fail(err, EINVAL,
				"expected --platform or --all-platforms, got both");
	if (o->signed_only && o->all_platforms)
		return cfs_fail(
			err, EINVAL,
			"expected --require-signature or --all-platforms, got both");
	if (o->trusted && !o->signed_only)
		return cfs_fail(err, EINVAL, "--trusted needs --require-signature");
	return 0;
}

static bool is_for_another(const struct cfs_oci_config *c,
			   const struct cfs_oci_platform *here)
{
	return c->os && c->architecture &&
	       (strcmp(c->os, here->os) != 0 ||
		strcmp(c->architecture, here->architecture) != 0);
}

/* Warns of an image for another platform, unless the user chose one. Of an index, that for
 * this machine was taken. */
static void warn_of_platform(const struct options *o, const struct cfs_repo *repo,
			     const struct cfs_pull_result *r, const char *tag)
{
	char name[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@";
	struct cfs_oci_platform here;
	struct cfs_container c;

	if (o->platform || !r->is_image)
		return;
	cfs_oci_digest_text(&r->manifest, name + 1);
	cfs_oci_platform_detect(&here);
	if (cfs_container_open(repo, name, &c, NULL) == 0 &&
	    is_for_another(&c.config, &here))
		cli_print_warning(o->program,
				  "%s: the image is for %s/%s, and this machine is %s/%s",
				  tag, c.config.os, c.config.architecture, here.os,
				  here.architecture);
	cfs_container_close(&c);
}

/* The progress ends before the result is printed, so that both can go to one terminal. */
static int pull_and_print(const struct repo_work *w, struct cfs_err *err)
{
	const struct options *o = w->options;
	const char *source = w->operands[0],
		   *tag = w->operands[1] ? w->operands[1] : source;
	struct cfs_pull_result result;
	struct oci_all all = {0};
	struct cli_watch watch;
	int rc = check_pull_options(o, err);

	if (rc < 0)
		return rc;
	cli_watch_start(&watch, w->program);
	rc = pull_source(o, w->repo, source, tag, &watch, &all, &result, err);
	cli_watch_end(&watch);
	if (rc == 0 && o->signed_only)
		rc = tag_verified(o, w->repo, &result, tag, err);
	if (rc == 0 && !o->all_platforms)
		warn_of_platform(o, w->repo, &result, tag);
	if (rc == 0 && o->all_platforms)
		oci_print_all(&all, w->program, tag, o->json);
	else if (rc == 0 && o->json)
		print_pull_json(&result, tag);
	else if (rc == 0)
		print_pull_summary(&result, w->program);
	oci_all_fini(&all);
	return rc;
}

static const struct repo_command command = {
	&syntax, 1, 2, "expected SOURCE [TAG]", CFS_REPO_WRITE, pull_and_print};

int cmd_oci_pull(int argc, char **argv)
{
	struct options o = {.program = argv[0]};

	return repo_command_run(&command, argc, argv, &o, &o.where);
}
