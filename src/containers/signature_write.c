/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Storing seals of container images, and the manifests that they are about. */
#include <errno.h>

#include "base/base64.h"
#include "containers/artifact.h"
#include "containers/push.h"
#include "containers/signature_priv.h"
#include "repo/repo.h"

/* --- another manifest for the same layers ------------------------------------------- */

struct copied_names {
	struct cfs_stream_writer *to;
};

static int copy_name(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		     struct cfs_err *err)
{
	const struct copied_names *c = ctx;

	return cfs_stream_name_stream(c->to, name, id, err);
}

struct former {
	const struct cfs_repo *repo;
	const struct cfs_container *container;
};

/* The new manifest refers to the same configuration and layers. */
static int copy_names(void *ctx, struct cfs_stream_writer *w, struct cfs_err *err)
{
	const struct former *f = ctx;
	struct copied_names to = {w};
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_MANIFEST, &f->container->digest,
					  name);
	rc = cfs_repo_open_stream(f->repo, name, &map, &s, err);
	if (rc < 0)
		return rc;
	rc = cfs_stream_visit_names(&s, copy_name, &to, err);
	cfs_map_close(&map);
	return rc;
}

/* Names the manifest, and moves the tag to it if what was sealed was named by a tag,
 * not by a digest. */
static int publish_manifest(struct cfs_repo *repo, const struct cfs_oci_digest *digest,
			    const struct cfs_digest *id, const char *tag,
			    struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX], ref[CFS_CONTAINERS_REF_MAX];
	struct cfs_repo_link link = {
		.kind = CFS_REPO_STREAMS, .id = *id, .replaces = true};
	int rc = cfs_containers_has_tag(repo, tag, err);

	link.name =
		cfs_containers_format_stream_name(CFS_CONTAINERS_MANIFEST, digest, name);
	if (rc > 0) {
		rc = cfs_containers_format_ref(tag, ref, err);
		link.ref = ref;
	}
	return rc < 0 ? rc : cfs_repo_publish(repo, &link, err);
}

/* Stores the sealed manifest with the references of the former one, and moves the tag
 * to it as the last step. */
static int store_manifest(struct cfs_repo *repo, struct cfs_store *store,
			  const struct cfs_container *c, const char *tag,
			  struct cfs_span json, struct cfs_oci_digest *out,
			  struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = {.store = store,
						 .alg = cfs_repo_get_meta(repo)->alg};
	struct former former = {repo, c};
	struct cfs_digest id;
	int rc = cfs_containers_write_document(&opts, CFS_CONTAINERS_TYPE_MANIFEST, json,
					       copy_names, &former, &id, err);

	cfs_oci_digest_of(CFS_SHA256, json, out);
	if (rc == 0)
		rc = cfs_store_commit(store, err);
	return rc < 0 ? rc : publish_manifest(repo, out, &id, tag, err);
}

static int open_seal_store(const struct cfs_repo *repo, struct cfs_store **out,
			   struct cfs_err *err)
{
	struct cfs_store_opts opts = {.n_workers = CFS_CONTAINERS_LAYER_WORKERS};

	return cfs_repo_open_store(repo, &opts, out, err);
}

/* --- the manifest of a push --------------------------------------------------------- */

/* A destination that keeps nothing but the manifest. */
static int drop_blob(void *ctx, int fd, const struct cfs_oci_descriptor *d,
		     bool *is_present, struct cfs_err *err)
{
	(void)ctx, (void)fd, (void)d, (void)err;
	*is_present = true;
	return 0;
}

static int keep_seal_manifest(void *ctx, struct cfs_span json,
			      const struct cfs_oci_descriptor *d, struct cfs_err *err)
{
	struct cfs_mem *out = ctx;

	(void)d;
	return cfs_sink_mem(out).write(out, json.p, json.len, err);
}

/* Nothing is written if the annotations do not change the manifest: sealing twice is
 * no error. */
static int store_new_manifest(struct cfs_repo *repo, const struct cfs_container *c,
			      const char *name, struct cfs_span json,
			      struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_store *store;
	int rc;

	cfs_oci_digest_of(c->digest.alg, json, out);
	if (cfs_oci_digest_eq(out, &c->digest))
		return 0;
	rc = open_seal_store(repo, &store, err);
	if (rc < 0)
		return rc;
	rc = store_manifest(repo, store, c, name, json, out, err);
	cfs_store_close(store);
	return rc;
}

/* A push to nowhere: it computes the manifest that a push would send, with compressed
 * layers, and stores it under the name. A signature over it stays valid after the real
 * push. */
int cfs_seal_settle(struct cfs_repo *repo, const char *name,
		    enum cfs_compression compression, const struct cfs_watch *watch,
		    struct cfs_oci_digest *out, struct cfs_err *err)
{
	struct cfs_mem json = {0};
	struct cfs_destination to = {
		.put_blob = drop_blob, .put_manifest = keep_seal_manifest, .ctx = &json};
	struct cfs_push_opts opts = {.compression = compression,
				     .referrers = CFS_REFERRERS_NONE,
				     .watch = watch};
	struct cfs_push_result pushed;
	struct cfs_container c;
	int rc = cfs_containers_push(repo, name, &to, &opts, &pushed, err);

	if (rc == 0) {
		rc = cfs_container_open(repo, name, &c, err);
		if (rc == 0)
			rc = store_new_manifest(repo, &c, name, cfs_mem_span(&json), out,
						err);
		cfs_container_close(&c);
	}
	free(json.p);
	return rc;
}

/* --- inline ------------------------------------------------------------------------- */

/* The texts of the annotations of an entry. */
struct inline_texts {
	char key[SEAL_KEY_MAX], digest[CFS_DIGEST_HEX_MAX];
	char sig_key[SEAL_SIGNATURE_KEY_MAX];
	char sig[(CFS_SEAL_SIGNATURES_MAX + 2) / 3 * 4 + 1];
};

/* Fills in the annotations of one role. Returns how many: 2, or 0 if the role has no
 * signature. The texts belong to t. */
static size_t add_notes(const struct cfs_seal *s, enum cfs_seal_role role,
			struct inline_texts *t, struct cfs_oci_note *out)
{
	const struct cfs_seal_entry *e = &s->entries[role];
	bool is_of_config = role == CFS_SEAL_CONFIG;

	if (!e->is_present || e->signatures.len > CFS_SEAL_SIGNATURES_MAX)
		return 0;
	seal_format_key(role, e->digest.alg, t->key);
	seal_format_signature_key(t->key, e->kind, t->sig_key);
	cfs_digest_hex(&e->digest, t->digest);
	cfs_base64_encode(e->signatures.p, e->signatures.len, t->sig);
	out[0] = (struct cfs_oci_note){is_of_config, t->key, t->digest};
	out[1] = (struct cfs_oci_note){is_of_config, t->sig_key, t->sig};
	return 2;
}

/* Stores a new manifest with the signatures as annotations. It has another digest than
 * the old one, which *out is set to; the name refers to it afterwards. */
static int store_inline(struct cfs_repo *repo, struct cfs_store *store,
			const struct cfs_container *c, const char *name,
			const struct cfs_seal *s, struct cfs_oci_digest *out,
			struct cfs_err *err)
{
	cfs_autofree struct inline_texts *texts =
		calloc(CFS_SEAL_N_ROLES, sizeof(*texts));
	struct cfs_oci_note notes[2 * CFS_SEAL_N_ROLES];
	struct cfs_mem json = {0};
	size_t n = 0;
	int rc;

	if (!texts)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (int i = 0; i < CFS_SEAL_N_ROLES; i++)
		n += add_notes(s, (enum cfs_seal_role)i, &texts[i], notes + n);
	rc = cfs_oci_manifest_annotate(&c->manifest, notes, n, &json, err);
	if (rc == 0)
		rc = store_manifest(repo, store, c, name, cfs_mem_span(&json), out, err);
	free(json.p);
	return rc;
}

/* --- artifacts ---------------------------------------------------------------------- */

struct artifact_texts {
	char key[SEAL_KEY_MAX], digest[CFS_DIGEST_HEX_MAX];
};

/* An artifact that is being made. */
struct making {
	struct cfs_oci_annotated layers[CFS_SEAL_N_ROLES];
	struct artifact_texts texts[CFS_SEAL_N_ROLES];
	struct cfs_span bytes[CFS_SEAL_N_ROLES];
	size_t n;
	struct cfs_digest streams[1 + CFS_SEAL_N_ROLES];
	struct cfs_artifact a;
};

/* Describes each signature of the seal as a layer of the artifact, in the order of the
 * roles: verifiers read it in that order. */
static void add_layers(struct making *m, const struct cfs_seal *s)
{
	for (int i = 0; i < CFS_SEAL_N_ROLES; i++) {
		const struct cfs_seal_entry *e = &s->entries[i];
		struct artifact_texts *t = &m->texts[i];
		struct cfs_oci_annotated *layer = &m->layers[m->n];

		if (!e->is_present)
			continue;
		m->bytes[m->n++] = cfs_mem_span(&e->signatures);
		layer->key =
			seal_format_key((enum cfs_seal_role)i, e->digest.alg, t->key);
		layer->value = cfs_digest_hex(&e->digest, t->digest);
		layer->blob = (struct cfs_oci_descriptor){
			.media_type = seal_get_media_type(e->kind),
			.size = e->signatures.len};
		cfs_oci_digest_of(CFS_SHA256, cfs_mem_span(&e->signatures),
				  &layer->blob.digest);
	}
}

/* Stores the empty configuration that an artifact must have, and the signatures.
 * m->streams gets their IDs. */
static int write_blobs(struct making *m, const struct cfs_containers_layer_opts *opts,
		       struct cfs_err *err)
{
	struct cfs_oci_descriptor config;
	struct cfs_span bytes;
	int rc;

	cfs_oci_get_empty_config(&config, &bytes);
	rc = cfs_containers_write_document(opts, CFS_CONTAINERS_TYPE_CONFIG, bytes, NULL,
					   NULL, &m->streams[0], err);
	for (size_t i = 0; rc == 0 && i < m->n; i++)
		rc = cfs_containers_write_document(opts, CFS_CONTAINERS_TYPE_BLOB,
						   m->bytes[i], NULL, NULL,
						   &m->streams[1 + i], err);
	return rc;
}

/* Stores the signatures as an artifact that refers to the manifest, whose digest does
 * not change. It is parsed again before it is stored, by the same code that reads those
 * of others. */
static int store_artifact(struct cfs_repo *repo, struct cfs_store *store,
			  const struct cfs_container *c, struct cfs_seal *s,
			  struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = {.store = store,
						 .alg = cfs_repo_get_meta(repo)->alg};
	struct cfs_oci_descriptor subject = {
		.media_type = c->manifest.media_type ? c->manifest.media_type
						     : CFS_OCI_TYPE_MANIFEST,
		.digest = c->digest,
		.size = c->manifest_json.len};
	struct making m = {0};
	int rc;

	add_layers(&m, s);
	rc = cfs_oci_artifact_make(CFS_CONTAINERS_TYPE_SEAL, m.layers, m.n, &subject,
				   &m.a.json, err);
	if (rc == 0)
		rc = cfs_oci_manifest_parse(cfs_mem_text(&m.a.json), &m.a.manifest, err);
	if (rc == 0) {
		cfs_oci_digest_of(CFS_SHA256, cfs_mem_span(&m.a.json), &m.a.digest);
		rc = write_blobs(&m, &opts, err);
	}
	if (rc == 0)
		rc = cfs_artifact_publish(repo, &opts, &m.a, m.streams, NULL, err);
	s->artifact = m.a.digest;
	cfs_artifact_close(&m.a);
	return rc;
}

int cfs_seal_store(struct cfs_repo *repo, const struct cfs_container *c, const char *name,
		   struct cfs_seal *seal, struct cfs_oci_digest *manifest,
		   struct cfs_err *err)
{
	struct cfs_store *store;
	int rc = open_seal_store(repo, &store, err);

	*manifest = c->digest;
	if (rc < 0)
		return rc;
	rc = seal->is_inline ? store_inline(repo, store, c, name, seal, manifest, err)
			     : store_artifact(repo, store, c, seal, err);
	cfs_store_close(store);
	return rc;
}
