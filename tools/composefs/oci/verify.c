/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci verify: verify that a container image is signed by a trusted, unrevoked key. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "composefs/oci/oci.h"
#include "composefs/sign/refusal.h"
#include "pkcs7/ask.h"

struct options {
	struct where where;
	struct cfs_trust trust;
	bool json;
};

static const struct cli_option option_table[] = {
	SIG_KEY_OPTIONS(struct options, trust),
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Verify that manifest, configuration and image of a container image are "
		 "signed by a\n"
		 "trusted, unrevoked key, in an artifact that refers to it or inline "
		 "(then "
		 "without the\n"
		 "manifest). Trusted keys and certificates are those of keys.d in\n"
		 "/usr/lib/composefs, /etc/composefs and /run/composefs.",
	.status = "0 verified, 1 read error, 2 usage error; refused: 10 unsigned, 11 "
		  "malformed,\n"
		  "12 no key, 13 bad signature, 14 revoked key, 15 other image, 20 other "
		  "algorithm",
	.example = (const char *const[]){"composefs oci verify --repo=repo "
					 "--trusted=keys.d app",
					 NULL},
	.options = option_table,
};

struct verify {
	const struct cfs_trust *trust;
	const struct cfs_repo *repo;
	const struct cfs_container *container;
	struct cfs_trust_found found;
	bool is_verified, is_inline;
	struct cfs_oci_digest artifact; /* unless is_inline */
	int why; /* of the seal that was refused last; 0: there is none */
	struct cfs_err err;
};

/* --- one seal ----------------------------------------------------------------------- */

/* Verifies the signature of the request with all certificates of keys. libcrypto is in the
 * helper program only. The certificates are borrowed during the call. */
static int ask_helper(struct cfs_pkcs7_request *r, const struct cfs_sig_keys *keys,
		      struct cfs_trust_found *found, struct cfs_err *err)
{
	cfs_autofree struct cfs_pkcs7_certificate *v =
		calloc(keys->n_certificates + 1, sizeof(*v));
	struct cfs_pkcs7_found by;
	int rc;

	if (!v)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (; r->n < keys->n_certificates; r->n++) {
		const struct cfs_sig_certificate *c = &keys->certificates[r->n];

		v[r->n] = (struct cfs_pkcs7_certificate){c->name, cfs_mem_span(&c->file),
							 c->role == CFS_SIG_REVOKED};
	}
	r->certificates = v;
	rc = cfs_pkcs7_ask_verify(r, NULL, &by, err);
	if (rc < 0)
		return rc;
	snprintf(found->key, sizeof(found->key), "%s", by.key);
	snprintf(found->key_file, sizeof(found->key_file), "%s", v[by.certificate].name);
	return 0;
}

/* Certificates are in the same directories as keys. */
static int verify_pkcs7(struct verify *v, struct cfs_span message,
			struct cfs_span signature, const char *role, struct cfs_err *err)
{
	struct cfs_pkcs7_request r = {.message = message, .signature = signature};
	struct cfs_sig_keys keys;
	int rc = cfs_trust_read_certificates(v->trust, &keys, err);

	if (rc == 0)
		rc = ask_helper(&r, &keys, &v->found, err);
	cfs_sig_keys_fini(&keys);
	return cfs_context(err, rc, "%s", role);
}

static int verify_entry(struct verify *v, const struct cfs_seal_entry *e,
			const struct cfs_seal_entry *expected, const char *role,
			struct cfs_err *err)
{
	uint8_t message[CFS_DIGEST_FORMATTED_MAX];
	struct cfs_span bytes = {message, cfs_digest_format(&expected->digest, message)};

	if (!cfs_digest_eq(&e->digest, &expected->digest))
		return cfs_fail(err, EILSEQ, "%s: signed is another one", role);
	if (!e->signatures.len)
		return cfs_fail(err, ENODATA, "%s: expected a signature, got none", role);
	if (e->kind == CFS_SEAL_PKCS7)
		return verify_pkcs7(v, bytes, cfs_mem_span(&e->signatures), role, err);
	return cfs_trust_check_bytes(v->trust, bytes, cfs_mem_span(&e->signatures), role,
				     &v->found, err);
}

/* All that the seal has to have. The image comes last: its key is reported. Of a bootable image the
 * signature may be missing, but not be wrong. */
static int verify_seal(struct verify *v, const struct cfs_seal *s, struct cfs_err *err)
{
	static const enum cfs_seal_role order[] = {CFS_SEAL_BOOT, CFS_SEAL_MANIFEST,
						   CFS_SEAL_CONFIG, CFS_SEAL_MERGED};
	struct cfs_seal expected;
	int rc = cfs_seal_compute(v->repo, v->container, s->is_inline, &expected, err);

	for (size_t i = 0; rc == 0 && i < sizeof(order) / sizeof(order[0]); i++) {
		const struct cfs_seal_entry *want = &expected.entries[order[i]],
					    *got = &s->entries[order[i]];
		const char *role = cfs_seal_get_role_name(order[i]);

		if (!want->is_present || (order[i] == CFS_SEAL_BOOT && !got->is_present))
			continue;
		rc = got->is_present
			     ? verify_entry(v, got, want, role, err)
			     : cfs_fail(err, ENODATA,
					"%s: expected a signature, got none", role);
	}
	cfs_seal_fini(&expected);
	return rc;
}

/* One good seal is enough. What is wrong with another one matters if there is none. */
static int take_seal(void *ctx, const struct cfs_seal *s, int rc, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct verify *v = ctx;

	if (v->is_verified || (rc < 0 && v->why == -EKEYREVOKED))
		return 0;
	if (rc == 0)
		rc = verify_seal(v, s, err);
	if (rc == 0) {
		v->is_verified = true;
		v->is_inline = s->is_inline;
		v->artifact = s->artifact;
		return 0;
	}
	if (v->why == -EKEYREVOKED) /* says more than any other reason */
		return sig_find_refusal(rc)->code ? 0 : rc;
	v->why = cfs_context(err, rc, "%s",
			     s->is_inline ? "inline"
					  : cfs_oci_digest_text(&s->artifact, text));
	v->err = *err;
	return sig_find_refusal(rc)->code ? 0 : rc;
}

/* --- the image ---------------------------------------------------------------------- */

/* The signatures are over the ID of the image: its bytes must have it. */
static int verify_sealed_image(const struct verify *v, struct cfs_err *err)
{
	char id[CFS_DIGEST_TEXT_MAX];
	struct cfs_image im;
	struct cfs_map map;
	int rc;

	if (!v->container->has_image)
		return cfs_fail(err, EIO, "no image was made of it");
	rc = cfs_repo_open_image(v->repo, cfs_digest_text(&v->container->image, id), &map,
				 &im, NULL, err);
	if (rc < 0)
		return rc == -EILSEQ ? rc : cfs_context(err, -EIO, "image");
	cfs_map_close(&map);
	return 0;
}

static int verify_container(struct verify *v, struct cfs_err *err)
{
	int rc = verify_sealed_image(v, err);

	if (rc == 0)
		rc = cfs_seal_list(v->repo, v->container, take_seal, v, err);
	if (rc < 0 || v->is_verified)
		return rc;
	if (v->why < 0) {
		*err = v->err;
		return v->why;
	}
	return cfs_fail(err, ENODATA, "expected a signature, got none");
}

/* What cannot be read is no refusal. */
static int verify_image(struct options *o, struct verify *v, const char *name,
			struct cfs_container *c, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_READ, &repo, err);

	if (rc < 0)
		return -EIO;
	v->trust = &o->trust;
	v->repo = repo;
	v->container = c;
	rc = cfs_container_open(repo, name, c, err);
	rc = rc < 0 ? -EIO : verify_container(v, err);
	cfs_repo_close(repo);
	return cfs_context(err, rc, "%s", name);
}

int oci_verify_signed(const struct cfs_repo *repo, const char *name, const char *trusted,
		      struct cfs_err *err)
{
	const struct cfs_trust trust = {.trusted = {trusted},
					.n_trusted = trusted != NULL};
	cfs_autofree struct verify *v = calloc(1, sizeof(*v));
	struct cfs_container c = {0};
	int rc = v ? cfs_container_open(repo, name, &c, err)
		   : cfs_fail(err, ENOMEM, "out of memory");

	if (rc == 0) {
		*v = (struct verify){.trust = &trust, .repo = repo, .container = &c};
		rc = verify_container(v, err);
	}
	cfs_container_close(&c);
	return rc;
}

/* --- output ------------------------------------------------------------------------- */

static void print_verified_container(const struct verify *v, const char *name)
{
	char text[WHERE_ID_MAX];

	cli_print(stdout, name);
	printf(": verified, %s\n", where_format_id(&v->container->image, text));
	printf("signed by %s (", v->found.key);
	cli_print(stdout, v->found.key_file);
	puts(v->is_inline ? "), inline" : ")");
}

/* The object of --json, also for an image that is refused, which "status" and "error"
 * then explain. */
static void print_verified_json(const struct verify *v, const char *name,
				const struct sig_refusal *r, const struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], id[WHERE_ID_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "status", r->name);
	json_put_string(&j, "name", name);
	if (r->status == CLI_OK) {
		json_put_string(&j, "id", where_format_id(&v->container->image, id));
		json_put_string(&j, "manifest_digest",
				cfs_oci_digest_text(&v->container->digest, text));
		if (!v->is_inline)
			json_put_string(&j, "artifact_digest",
					cfs_oci_digest_text(&v->artifact, text));
		json_put_string(&j, "key", v->found.key);
		json_put_string(&j, "key_file", v->found.key_file);
	} else {
		json_put_string(&j, "error", err->msg);
	}
	json_finish(&j);
}

int cmd_oci_verify(int argc, char **argv)
{
	struct options o = {0};
	struct cfs_container c = {0};
	struct verify *v = calloc(1, sizeof(*v));
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected IMAGE");
	const struct sig_refusal *r;
	struct cfs_err err;

	if (status >= 0 || !v) {
		free(v);
		return status >= 0 ? status : CLI_FAILED;
	}
	r = sig_find_refusal(verify_image(&o, v, argv[optind], &c, &err));
	if (o.json)
		print_verified_json(v, argv[optind], r, &err);
	else if (r->status == CLI_OK)
		print_verified_container(v, argv[optind]);
	else
		cli_print_message(argv[0], "%s", err.msg);
	cfs_container_close(&c);
	free(v);
	return r->status;
}
