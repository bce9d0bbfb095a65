/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs verify: verify that an image is signed by a trusted, unrevoked key. Each refusal has its own status. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "composefs/sign/commands.h"
#include "composefs/sign/images.h"
#include "composefs/sign/refusal.h"
#include "trust/trust.h"
#include "cli/verbosity.h"

enum { LOCK_WAIT_MS = 30000 }; /* others raise a floor within milliseconds */

struct options {
	struct cfs_trust trust;
	struct sig_images how;
	bool json;
	char place[SIG_PLACE_MAX];
};

static const struct cli_option option_table[] = {
	SIG_KEY_OPTIONS(struct options, trust),
	{"signature", "FILE", CLI_AT(struct options, trust.signature),
	 "Read FILE (default: IMAGE.sig, or FILE.sig of the statement)", CLI_TEXT,
	 .group = "Signatures"},
	{"signatures", "DIR", CLI_AT(struct options, trust.signatures),
	 "Read DIR/DIGEST/KEY.ed25519", CLI_TEXT},
	{"statement", "FILE", CLI_AT(struct options, trust.statement),
	 "Require that FILE is signed and names the images in order", CLI_TEXT,
	 .group = "Statements"},
	{"name", "NAME", CLI_AT(struct options, trust.name),
	 "Require that the statement is about NAME", CLI_TEXT},
	{"floor", "FILE", CLI_AT(struct options, trust.floor),
	 "Require at least the version (rollback floor) of the name in FILE", CLI_TEXT},
	{"raise-floor", NULL, CLI_AT(struct options, trust.raise_floor),
	 "After success, raise the floor to its version"},
	{"repo", "DIR", CLI_AT(struct options, how.repo),
	 "Use images and signatures of the repository DIR", CLI_TEXT, .group = "Other"},
	SIG_IMAGES_OPTIONS(struct options, how),
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE...", NULL},
	.about = "Verify that an image is signed with Ed25519 by a trusted, unrevoked "
		 "key. Trusted "
		 "keys are\nthose of keys.d in /usr/lib/composefs, /etc/composefs and "
		 "/run/composefs.\n\nIMAGE is a file, or an image of the repository: "
		 "that of --repo or $COMPOSEFS_REPO, the one\nthat contains the current "
		 "directory, or the default.",
	.status = SIG_REFUSAL_STATUS,
	.example = (const char *const[]){"composefs verify --trusted=keys.d image.cfs",
					 NULL},
	.options = option_table,
};

static void print_holder(void *ctx, const char *holder)
{
	const struct cfs_trust *t = ctx;

	cli_print_note("composefs verify", "%s: waiting for %s", t->floor, holder);
}

struct verify {
	const struct options *o;
	char **images;
	size_t n;
	struct cfs_digest digests[CFS_SIG_IMAGES_MAX];
	struct cfs_trust_found found;
};

/* An image whose digest cannot be determined is a read error, not a refusal; a missing fs-verity is a refusal. */
static int verify_images(struct verify *v, struct cfs_err *err)
{
	struct cfs_trust trust = v->o->trust;
	struct cfs_lock_wait wait = {
		.timeout_ms = LOCK_WAIT_MS, .note = print_holder, .ctx = &trust};
	cfs_autofd int repo_fd = -1;
	int rc = 0;

	trust.wait = &wait;

	for (size_t i = 0; rc == 0 && i < v->n; i++)
		rc = sig_measure(&v->o->how, v->images[i], &v->digests[i], err);
	if (rc < 0)
		return rc == -ENOTTY ? rc : -EIO;
	if (trust.signatures == v->o->place) {
		repo_fd = open(v->o->how.repo, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (repo_fd < 0)
			return cfs_fail_errno(err, "%s", v->o->how.repo);
		trust.repo_fd = &repo_fd;
	}
	return cfs_trust_check(&trust, v->images[0], v->digests, v->n, &v->found, err);
}

static void print_verify_result(const struct verify *v)
{
	char text[CFS_DIGEST_TEXT_MAX];

	for (size_t i = 0; i < v->n; i++) {
		cli_print(stdout, v->images[i]);
		printf(": verified, %s\n", cfs_digest_text(&v->digests[i], text));
	}
	if (v->found.stated) {
		fputs("name ", stdout);
		cli_print(stdout, v->found.name);
		printf(", version %" PRIu64 "\n", v->found.version);
	}
	printf("signed by %s (", v->found.key);
	cli_print(stdout, v->found.key_file);
	puts(")");
}

static void print_json_signer(struct json *j, const struct cfs_trust_found *found)
{
	json_put_string(j, "key", found->key);
	json_put_string(j, "key_file", found->key_file);
	if (found->stated) {
		json_put_string(j, "name", found->name);
		json_put_uint(j, "version", found->version);
	}
}

/* The object of --json, also when an image is refused. IDs are printed only for images
 * that were verified. */
static void print_verify_json(const struct verify *v, const struct sig_refusal *r,
			      const struct cfs_err *err)
{
	char text[CFS_DIGEST_TEXT_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "status", r->name);
	json_begin_array(&j, "images");
	for (size_t i = 0; i < v->n; i++) {
		json_begin_object(&j, NULL);
		json_put_string(&j, "image", v->images[i]);
		if (r->status == CLI_OK)
			json_put_string(&j, "id", cfs_digest_text(&v->digests[i], text));
		json_end(&j);
	}
	json_end(&j);
	if (r->status == CLI_OK)
		print_json_signer(&j, &v->found);
	else
		json_put_string(&j, "error", err->msg);
	json_finish(&j);
}

int cmd_verify(int argc, char **argv)
{
	struct options o = {0};
	struct verify v = {.o = &o};
	int status = command_begin(&syntax, argc, argv, &o, 1, CFS_SIG_IMAGES_MAX,
				   "expected IMAGE...");
	const struct sig_refusal *r;
	struct cfs_err err;

	if (status >= 0)
		return status;
	v.images = argv + optind;
	v.n = (size_t)(argc - optind);
	o.trust.raise = cfs_sig_floor_raise;
	if (sig_choose_repository(&o.how, v.images, v.n, &err) < 0)
		return command_end(argv[0], -EINVAL, &err);
	if (!o.trust.signature && !o.trust.signatures && !o.trust.statement)
		o.trust.signatures = sig_get_place(&o.how, o.place);
	if (cfs_trust_check_request(&o.trust, v.n, &err) < 0) {
		cli_fail_usage(argv[0], "%s", err.msg);
		return CLI_USAGE;
	}
	r = sig_find_refusal(verify_images(&v, &err));
	if (o.json)
		print_verify_json(&v, r, &err);
	else if (r->status == CLI_OK)
		print_verify_result(&v);
	else
		cli_print_message(argv[0], "%s", err.msg);
	return r->status;
}
