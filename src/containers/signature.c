/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading the seals of a container image. */
#include "containers/signature.h"

#include <errno.h>
#include <stdio.h>

#include "base/base64.h"
#include "containers/artifact.h"
#include "containers/signature_priv.h"
#include "repo/repo.h"

const char *cfs_seal_get_role_name(enum cfs_seal_role role)
{
	static const char *const names[] = {"manifest", "configuration", "image",
					    "bootable image"};

	return names[role];
}

const char *seal_format_key(enum cfs_seal_role role, enum cfs_hash_alg alg,
			    char out[SEAL_KEY_MAX])
{
	static const char *const names[] = {"manifest", "config", "merged.erofs.v1",
					    "merged.bootable.erofs.v1"};

	snprintf(out, SEAL_KEY_MAX, "composefs.%s.fsverity-%s-12", names[role],
		 cfs_hash_name(alg));
	return out;
}

const char *seal_get_media_type(enum cfs_seal_kind kind)
{
	return kind == CFS_SEAL_PKCS7 ? CFS_SEAL_TYPE_PKCS7 : CFS_SEAL_TYPE_ED25519;
}

const char *seal_format_signature_key(const char *key, enum cfs_seal_kind kind,
				      char out[SEAL_SIGNATURE_KEY_MAX])
{
	snprintf(out, SEAL_SIGNATURE_KEY_MAX, "%s.sig%s", key,
		 kind == CFS_SEAL_PKCS7 ? "" : ".ed25519");
	return out;
}

void cfs_seal_fini(struct cfs_seal *s)
{
	for (int i = 0; i < CFS_SEAL_N_ROLES; i++)
		free(s->entries[i].signatures.p);
	*s = (struct cfs_seal){0};
}

/* --- what it has to have ------------------------------------------------------------ */

static int compute_entry(struct cfs_seal *s, enum cfs_seal_role role,
			 enum cfs_hash_alg alg, const struct cfs_mem *bytes,
			 struct cfs_err *err)
{
	s->entries[role].is_present = true;
	return cfs_verity_digest_mem(alg, cfs_mem_span(bytes), &s->entries[role].digest,
				     err);
}

int cfs_seal_compute(const struct cfs_repo *repo, const struct cfs_container *c,
		     bool is_inline, struct cfs_seal *out, struct cfs_err *err)
{
	enum cfs_hash_alg alg = cfs_repo_get_meta(repo)->alg;
	int rc;

	*out = (struct cfs_seal){.is_inline = is_inline};
	if (!c->manifest.is_image || !c->has_image)
		return cfs_fail(err, ENOENT,
				"no image was made of it: pull it again, without "
				"--bootable");
	out->entries[CFS_SEAL_MERGED] =
		(struct cfs_seal_entry){.is_present = true, .digest = c->image};
	if (c->has_boot_image)
		out->entries[CFS_SEAL_BOOT] = (struct cfs_seal_entry){
			.is_present = true, .digest = c->boot_image};
	rc = compute_entry(out, CFS_SEAL_CONFIG, alg, &c->config_json, err);
	return rc < 0 || is_inline ? rc
				   : compute_entry(out, CFS_SEAL_MANIFEST, alg,
						   &c->manifest_json, err);
}

/* --- inline ------------------------------------------------------------------------- */

static int take_seal_digest(const char *text, enum cfs_hash_alg alg,
			    struct cfs_seal_entry *out, struct cfs_err *err)
{
	int rc = cfs_digest_parse(cfs_text(text), &out->digest, err);

	if (rc == 0 && out->digest.alg != alg)
		rc = cfs_fail(err, EINVAL, "expected a %s digest, got one of %s",
			      cfs_hash_name(alg), cfs_hash_name(out->digest.alg));
	out->is_present = rc == 0;
	return rc;
}

static int decode_signatures(const char *text, struct cfs_mem *out, struct cfs_err *err)
{
	size_t len = strlen(text);

	out->p = malloc(len + 1);
	if (!out->p)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (!cfs_base64_decode(cfs_text(text), out->p, len, &out->len) ||
	    out->len > CFS_SEAL_SIGNATURES_MAX)
		return cfs_fail(err, EINVAL, "signature: expected base64");
	return 0;
}

/* Reads digest and signature of one role from annotations. No digest: the role is not
 * sealed. */
static int read_inline_entry(const struct cfs_oci_descriptor *of, enum cfs_seal_role role,
			     enum cfs_hash_alg alg, enum cfs_seal_kind kind,
			     struct cfs_seal *s, struct cfs_err *err)
{
	char key[SEAL_KEY_MAX], sig[SEAL_SIGNATURE_KEY_MAX];
	const char *digest = cfs_oci_find_annotation(of, seal_format_key(role, alg, key)),
		   *text;
	int rc;

	if (!digest)
		return 0;
	rc = take_seal_digest(digest, alg, &s->entries[role], err);
	s->entries[role].kind = kind;
	text = cfs_oci_find_annotation(of, seal_format_signature_key(key, kind, sig));
	if (rc == 0 && text)
		rc = decode_signatures(text, &s->entries[role].signatures, err);
	return cfs_context(err, rc, "%s", key);
}

/* Reads the signatures that are in the annotations of the manifest itself, the inline
 * form. */
static int read_annotations(const struct cfs_repo *repo, const struct cfs_container *c,
			    enum cfs_seal_kind kind, struct cfs_seal *s,
			    struct cfs_err *err)
{
	const struct cfs_oci_descriptor manifest = {.annotations =
							    c->manifest.annotations};
	enum cfs_hash_alg alg = cfs_repo_get_meta(repo)->alg;
	int rc = read_inline_entry(&c->manifest.config, CFS_SEAL_CONFIG, alg, kind, s,
				   err);

	if (rc == 0)
		rc = read_inline_entry(&manifest, CFS_SEAL_MERGED, alg, kind, s, err);
	if (rc == 0)
		rc = read_inline_entry(&manifest, CFS_SEAL_BOOT, alg, kind, s, err);
	return rc;
}

/* --- artifacts ---------------------------------------------------------------------- */

struct listing {
	const struct cfs_repo *repo;
	int (*fn)(void *ctx, const struct cfs_seal *s, int rc, struct cfs_err *err);
	void *ctx;
};

/* The role of a layer, by its annotation. CFS_SEAL_N_ROLES: none that is known. */
static enum cfs_seal_role find_role(const struct cfs_oci_descriptor *layer,
				    enum cfs_hash_alg alg, const char **digest)
{
	char key[SEAL_KEY_MAX];
	int role = 0;

	for (; role < CFS_SEAL_N_ROLES; role++) {
		*digest = cfs_oci_find_annotation(
			layer, seal_format_key((enum cfs_seal_role)role, alg, key));
		if (*digest)
			break;
	}
	return (enum cfs_seal_role)role;
}

/* Fills in the role that the annotations of the layer name; a layer without a role is
 * none of ours. A second signature for a role is refused, because readers could differ
 * in which counts. */
static int read_seal_layer(const struct cfs_repo *repo,
			   const struct cfs_oci_descriptor *layer, struct cfs_seal *s,
			   struct cfs_err *err)
{
	enum cfs_hash_alg alg = cfs_repo_get_meta(repo)->alg;
	const char *digest;
	enum cfs_seal_role role = find_role(layer, alg, &digest);
	struct cfs_seal_entry *e = &s->entries[role];
	cfs_autofd int fd = -1;
	int rc;

	if (role == CFS_SEAL_N_ROLES)
		return 0;
	if (e->is_present)
		return cfs_fail(err, EINVAL,
				"expected one signature of the %s, got several",
				cfs_seal_get_role_name(role));
	if (strcmp(layer->media_type, CFS_SEAL_TYPE_ED25519) != 0 &&
	    strcmp(layer->media_type, CFS_SEAL_TYPE_PKCS7) != 0)
		return cfs_fail(err, EINVAL,
				"expected the type of a signature, got \"%.100s\"",
				layer->media_type);
	if (layer->size > CFS_SEAL_SIGNATURES_MAX)
		return cfs_fail(err, EINVAL, "expected a signature of at most %d bytes",
				CFS_SEAL_SIGNATURES_MAX);
	e->kind = strcmp(layer->media_type, CFS_SEAL_TYPE_PKCS7) == 0 ? CFS_SEAL_PKCS7
								      : CFS_SEAL_ED25519;
	rc = take_seal_digest(digest, alg, e, err);
	if (rc < 0 || layer->size == 0)
		return rc;
	fd = cfs_artifact_open_blob(repo, layer, false, err);
	return fd < 0 ? fd
		      : cfs_input_read_fd(fd, CFS_SEAL_SIGNATURES_MAX, &e->signatures,
					  err);
}

/* Callback for each artifact of the manifest: reads those that are seals. A malformed
 * one is passed on with its error, so that one bad seal does not hide a good one. */
static int pass_seal_artifact(void *ctx, const struct cfs_artifact *a,
			      struct cfs_err *err)
{
	const struct listing *l = ctx;
	const struct cfs_oci_manifest *m = &a->manifest;
	struct cfs_seal s = {.artifact = a->digest};
	int rc = 0;

	if (!m->artifact_type || strcmp(m->artifact_type, CFS_CONTAINERS_TYPE_SEAL) != 0)
		return 0;
	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		rc = cfs_context(err, read_seal_layer(l->repo, &m->layers[i], &s, err),
				 "layer %zu", i);
	if (rc == 0 || rc == -EINVAL)
		rc = l->fn(l->ctx, &s, rc, err);
	cfs_seal_fini(&s);
	return rc;
}

/* --- all ---------------------------------------------------------------------------- */

/* A seal without a signature of this kind is not passed on. */
static int pass_inline(const struct listing *l, const struct cfs_container *c,
		       enum cfs_seal_kind kind, struct cfs_err *err)
{
	struct cfs_seal s = {.is_inline = true};
	int rc = read_annotations(l->repo, c, kind, &s, err);

	if (rc == -EINVAL || (rc == 0 && s.entries[CFS_SEAL_MERGED].signatures.len))
		rc = l->fn(l->ctx, &s, rc, err);
	cfs_seal_fini(&s);
	return rc;
}

int cfs_seal_list(const struct cfs_repo *repo, const struct cfs_container *c,
		  int (*fn)(void *ctx, const struct cfs_seal *s, int rc,
			    struct cfs_err *err),
		  void *ctx, struct cfs_err *err)
{
	struct listing l = {repo, fn, ctx};
	int rc = 0;

	for (int kind = 0; rc == 0 && kind < CFS_SEAL_N_KINDS; kind++)
		rc = pass_inline(&l, c, (enum cfs_seal_kind)kind, err);
	return rc < 0 ? rc
		      : cfs_artifact_list(repo, &c->digest, pass_seal_artifact, &l, err);
}
