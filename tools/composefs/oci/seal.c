/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci seal: sign a container image. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/verbosity.h"
#include "cli/watch.h"
#include "composefs/oci/oci.h"
#include "pkcs7/ask.h"
#include "sig/sig.h"

struct options {
	struct where where;
	struct cfs_sig_signer signer;
	const char *cert;
	enum oci_compression compression;
	bool is_inline, json;
};

#define AT(member) CLI_AT(struct options, member)

static const struct cli_option option_table[] = {
	{"key", "FILE", AT(signer.key), "Sign with the private key in FILE (PEM)",
	 CLI_TEXT, .group = "Signers"},
	{"cert", "FILE", AT(cert),
	 "Make PKCS#7 signatures with the certificate of the key in FILE (PEM)",
	 CLI_TEXT},
	{"sign-command", "COMMAND", AT(signer.command),
	 "Run COMMAND, which reads the bytes to sign and writes the signature", CLI_TEXT},
	{"public", "FILE", AT(signer.public_key),
	 "Check --sign-command with the public key in FILE", CLI_TEXT},
	{"inline", NULL, AT(is_inline),
	 "Write the signatures into the manifest instead of an artifact",
	 .group = "Options"},
	{"compression", "KIND", AT(compression),
	 "The compression of the push: gzip (the default), zstd or none", CLI_CHOICE,
	 .choices = oci_compression_choices},
	{"json", NULL, AT(json), "Print one JSON object"},
	WHERE_OPTIONS(struct options, where),
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE", NULL},
	.about = "Sign the fs-verity digests of the manifest, the configuration and the "
		 "image of a\n"
		 "container image with Ed25519 or, with --cert, PKCS#7 (RSA or ECDSA), "
		 "and "
		 "print the digest\n"
		 "of its manifest. The signatures are an artifact that refers to the "
		 "manifest; pull, push\n"
		 "and copy take it along. The image gets the manifest that push sends, "
		 "and keeps its tag.",
	.example =
		(const char *const[]){
			"composefs oci seal --repo=repo --key=key.pem app",
			"composefs oci push --repo=repo app registry.example/app:1",
			NULL},
	.options = option_table,
};

struct sealing {
	const struct options *o;
	const char *name;
	const struct cfs_watch *watch;
	char key[CFS_SIG_KEY_ID_MAX]; /* its ID */
	struct cfs_oci_digest manifest;
	struct cfs_seal seal;
};

/* Verifies what was signed, for the ID of the key. */
static int identify_signer(struct sealing *s, struct cfs_span message,
			   const struct cfs_mem *signature, struct cfs_err *err)
{
	struct cfs_pkcs7_certificate cert = {.name = s->o->cert};
	struct cfs_pkcs7_request r = {message, cfs_mem_span(signature), &cert, 1};
	struct cfs_pkcs7_found found;
	struct cfs_mem file = {0};
	int rc = cfs_context(err,
			     cfs_input_read(AT_FDCWD, s->o->cert, CFS_INPUT_PIPE,
					    CFS_PKCS7_CERTIFICATE_MAX, &file, err),
			     "%s", s->o->cert);

	cert.file = cfs_mem_span(&file);
	if (rc == 0)
		rc = cfs_pkcs7_ask_verify(&r, s->watch, &found, err);
	if (rc == 0)
		snprintf(s->key, sizeof(s->key), "%s", found.key);
	free(file.p);
	return rc;
}

static int sign_entry_pkcs7(struct sealing *s, struct cfs_seal_entry *e,
			    struct cfs_span message, struct cfs_err *err)
{
	char hex[CFS_DIGEST_HEX_MAX];
	int rc = cfs_pkcs7_ask_sign(s->o->signer.key, s->o->cert,
				    cfs_digest_hex(&e->digest, hex), s->watch,
				    &e->signatures, err);

	e->kind = CFS_SEAL_PKCS7;
	return rc < 0 ? rc : identify_signer(s, message, &e->signatures, err);
}

static int sign_entry(struct sealing *s, struct cfs_seal_entry *e, struct cfs_err *err)
{
	struct cfs_sig_signer signer = s->o->signer;
	uint8_t message[CFS_DIGEST_FORMATTED_MAX], signature[CFS_SIG_LEN];
	struct cfs_span bytes = {message, cfs_digest_format(&e->digest, message)};
	struct cfs_sig_key key;
	int rc;

	if (s->o->cert)
		return sign_entry_pkcs7(s, e, bytes, err);
	signer.watch = s->watch;
	rc = cfs_sig_obtain(&signer, bytes, &key, signature, err);
	if (rc == 0)
		cfs_sig_key_format_id(&key, s->key);
	return rc < 0 ? rc
		      : cfs_sink_mem(&e->signatures)
				.write(&e->signatures, signature, sizeof(signature), err);
}

static int sign_container(struct sealing *s, struct cfs_repo *repo,
			  const struct cfs_container *c, struct cfs_err *err)
{
	int rc = cfs_seal_compute(repo, c, s->o->is_inline, &s->seal, err);

	for (int i = 0; rc == 0 && i < CFS_SEAL_N_ROLES; i++)
		if (s->seal.entries[i].is_present)
			rc = sign_entry(s, &s->seal.entries[i], err);
	return rc < 0 ? rc
		      : cfs_seal_store(repo, c, s->name, &s->seal, &s->manifest, err);
}

static enum cfs_compression choose_seal_compression(const struct options *o)
{
	if (o->compression == OCI_COMPRESSION_ZSTD)
		return CFS_COMPRESSION_ZSTD;
	return o->compression == OCI_COMPRESSION_NONE ? CFS_COMPRESSION_NONE
						      : CFS_COMPRESSION_GZIP;
}

/* A key that cannot be read is reported before the layers are compressed. */
static int check_signer(struct sealing *s, struct cfs_err *err)
{
	struct cfs_seal_entry probe = {.digest = {.alg = CFS_SHA256}};
	int rc = s->o->signer.command ? 0 : sign_entry(s, &probe, err);

	free(probe.signatures.p);
	return rc;
}

/* The image may become another one, which its tag would name instead of the index. */
static int check_sealed_name(const struct sealing *s, const struct cfs_repo *repo,
			     struct cfs_err *err)
{
	struct cfs_container_index x;
	int rc = cfs_container_index_open(repo, s->name, &x, err);

	cfs_container_index_close(&x);
	return rc <= 0 ? rc
		       : cfs_fail(err, EINVAL,
				  "expected one image, got the index of several "
				  "platforms: give @DIGEST");
}

/* Signs the image, inside its config or in an artifact beside it. For an artifact the
 * layers get their final digests first, because the signature names the manifest that
 * will be pushed. */
static int seal_container(struct sealing *s, struct cfs_repo *repo, struct cfs_err *err)
{
	char digest[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@";
	const char *name = s->name;
	struct cfs_container c;
	int rc = check_signer(s, err);

	if (rc == 0)
		rc = check_sealed_name(s, repo, err);
	if (rc == 0 && !s->o->is_inline) {
		rc = cfs_seal_settle(repo, name, choose_seal_compression(s->o), s->watch,
				     &s->manifest, err);
		cfs_oci_digest_text(&s->manifest, digest + 1);
		name = digest;
	}
	if (rc < 0)
		return cfs_context(err, rc, "%s", s->name);
	rc = cfs_container_open(repo, name, &c, err);
	if (rc == 0)
		rc = sign_container(s, repo, &c, err);
	cfs_container_close(&c);
	return cfs_context(err, rc, "%s", s->name);
}

static void print_seal_json(const struct sealing *s)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX], id[WHERE_ID_MAX];
	struct json j = {.to = stdout};

	json_begin_object(&j, NULL);
	json_put_string(&j, "id",
			where_format_id(&s->seal.entries[CFS_SEAL_MERGED].digest, id));
	json_put_string(&j, "name", s->name);
	json_put_string(&j, "manifest_digest", cfs_oci_digest_text(&s->manifest, text));
	if (!s->seal.is_inline)
		json_put_string(&j, "artifact_digest",
				cfs_oci_digest_text(&s->seal.artifact, text));
	json_put_string(&j, "key", s->key);
	json_finish(&j);
}

static const char *find_seal_misuse(const struct options *o)
{
	if (!o->signer.key == !o->signer.command)
		return "expected one of --key and --sign-command";
	if (o->signer.command && !o->signer.public_key)
		return "--sign-command needs --public";
	if (o->signer.command && o->cert)
		return "--cert needs --key";
	if (o->is_inline && o->compression)
		return "--inline excludes --compression: the manifest is signed in an "
		       "artifact alone";
	return NULL;
}

static int run_seal(struct options *o, struct sealing *s, struct cfs_err *err)
{
	struct cfs_repo *repo;
	int rc = where_open(&o->where, CFS_REPO_WRITE, &repo, err);

	if (rc < 0)
		return rc;
	rc = seal_container(s, repo, err);
	cfs_repo_close(repo);
	return rc;
}

int cmd_oci_seal(int argc, char **argv)
{
	struct options o = {0};
	struct sealing s = {.o = &o};
	int status = command_begin(&syntax, argc, argv, &o, 1, 1, "expected IMAGE"), rc;
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	struct cli_watch watch;
	struct cfs_err err;
	const char *wrong;

	if (status >= 0)
		return status;
	wrong = find_seal_misuse(&o);
	if (wrong) {
		cli_fail_usage(argv[0], "%s", wrong);
		return CLI_USAGE;
	}
	cli_watch_start(&watch, argv[0]);
	s.name = argv[optind];
	s.watch = &watch.watch;
	rc = run_seal(&o, &s, &err);
	cli_watch_end(&watch);
	if (rc == 0 && o.json)
		print_seal_json(&s);
	else if (rc == 0)
		puts(cfs_oci_digest_text(&s.manifest, text));
	cfs_seal_fini(&s.seal);
	return command_end(argv[0], rc, &err);
}
