/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Adding artifacts to a repository. */
#include <errno.h>
#include <stdio.h>

#include "containers/artifact.h"
#include "repo/repo.h"

/* --- blobs -------------------------------------------------------------------------- */

/* Copies a blob into an object. A blob with other bytes than its digest says is not added. */
static int copy_artifact_blob(const struct cfs_feed *from,
			      const struct cfs_oci_descriptor *d, struct cfs_sink to,
			      struct cfs_err *err)
{
	struct cfs_oci_digest actual;
	struct cfs_hash h;
	uint8_t buf[16384];
	uint64_t len = 0;
	ssize_t n;

	cfs_hash_init(&h, d->digest.alg);
	while ((n = from->read(from->ctx, buf, sizeof(buf), err)) > 0) {
		int rc =
			(uint64_t)n > d->size - len
				? cfs_fail(err, EILSEQ,
					   "size mismatch: expected %llu bytes, got more",
					   (unsigned long long)d->size)
				: to.write(to.ctx, buf, (size_t)n, err);

		if (rc < 0)
			return rc;
		cfs_hash_update(&h, buf, (size_t)n);
		len += (uint64_t)n;
	}
	if (n < 0)
		return (int)n;
	if (len != d->size)
		return cfs_fail(err, EILSEQ,
				"size mismatch: expected %llu bytes, got %llu",
				(unsigned long long)d->size, (unsigned long long)len);
	cfs_oci_digest_final(&h, &actual);
	return cfs_oci_digest_expect(&d->digest, &actual, err);
}

/* Stores a blob of an artifact with its size and digest checked. Nothing is left after
 * a failure. */
static int write_blob_object(const struct cfs_feed *from,
			     const struct cfs_oci_descriptor *d,
			     const struct cfs_containers_layer_opts *opts,
			     struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_store_writer *w;
	int rc = cfs_store_writer_open(opts->store, opts->worker, d->size, &w, err);

	if (rc < 0)
		return rc;
	rc = copy_artifact_blob(from, d, cfs_store_writer_get_sink(w), err);
	if (rc < 0) {
		cfs_store_writer_drop(w);
		return rc;
	}
	return cfs_store_writer_finish(w, NULL, out, err);
}

int cfs_artifact_write_blob(struct cfs_feed from, const struct cfs_oci_descriptor *d,
			    bool is_config, const struct cfs_containers_layer_opts *opts,
			    struct cfs_digest *out, struct cfs_err *err)
{
	const char *type =
		is_config ? CFS_CONTAINERS_TYPE_CONFIG : CFS_CONTAINERS_TYPE_BLOB;
	struct cfs_digest object;
	int rc = write_blob_object(&from, d, opts, &object, err);

	return rc < 0 ? rc
		      : cfs_containers_write_single(opts, type, &object, d->size, NULL,
						    NULL, out, err);
}

/* --- names -------------------------------------------------------------------------- */

struct manifest_names {
	const struct cfs_oci_manifest *m;
	const struct cfs_digest *streams;
};

static bool is_blob_repeated(const struct cfs_oci_manifest *m, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (cfs_oci_digest_eq(&m->layers[k].digest, &m->layers[i].digest))
			return true;
	return false;
}

/* A callback of cfs_containers_write_document. A blob that occurs twice has one name, as
 * a stream cannot name one thing twice. */
static int name_artifact_blobs(void *ctx, struct cfs_stream_writer *w,
			       struct cfs_err *err)
{
	const struct manifest_names *n = ctx;
	char text[CFS_OCI_DIGEST_TEXT_MAX],
		key[sizeof("config:") + CFS_OCI_DIGEST_TEXT_MAX];
	int rc;

	snprintf(key, sizeof(key), "config:%s",
		 cfs_oci_digest_text(&n->m->config.digest, text));
	rc = cfs_stream_name_stream(w, cfs_text(key), &n->streams[0], err);
	for (size_t i = 0; rc == 0 && i < n->m->n_layers; i++)
		if (!is_blob_repeated(n->m, i))
			rc = cfs_stream_name_stream(
				w,
				cfs_text(cfs_oci_digest_text(&n->m->layers[i].digest,
							     text)),
				&n->streams[1 + i], err);
	return rc;
}

static int publish_document(struct cfs_repo *repo, const char *kind,
			    const struct cfs_oci_digest *digest,
			    const struct cfs_digest *id, const char *ref,
			    struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_repo_link link = {
		.kind = CFS_REPO_STREAMS, .id = *id, .ref = ref, .replaces = true};

	link.name = cfs_containers_format_stream_name(kind, digest, name);
	return cfs_repo_publish(repo, &link, err);
}

/* A layer of an image with the same digest, uncompressed, has the name already, and it has the same
 * bytes. It is another form of them, which an artifact cannot be read from. */
static int check_layer_name(const struct cfs_repo *repo,
			    const struct cfs_oci_digest *digest, struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	struct cfs_stream s;
	struct cfs_map map;
	int rc;

	cfs_containers_format_stream_name(CFS_CONTAINERS_LAYER, digest, name);
	rc = cfs_repo_open_stream(repo, name, &map, &s, err);
	if (rc < 0)
		return rc == -ENOENT ? 0 : rc;
	if (strcmp(s.type, CFS_CONTAINERS_TYPE_BLOB) != 0)
		rc = cfs_fail(err, ENOTSUP,
			      "%s: a blob of an artifact is also the layer of an image",
			      name);
	cfs_map_close(&map);
	return rc;
}

/* Gives the blobs names, before the manifest gets one: what a name leads to exists. */
static int publish_blobs(struct cfs_repo *repo, const struct cfs_artifact *a,
			 const struct cfs_digest *streams, struct cfs_err *err)
{
	const struct cfs_oci_manifest *m = &a->manifest;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		rc = check_layer_name(repo, &m->layers[i].digest, err);
	if (rc == 0)
		rc = publish_document(repo, CFS_CONTAINERS_CONFIG, &m->config.digest,
				      &streams[0], NULL, err);
	for (size_t i = 0; rc == 0 && i < m->n_layers; i++)
		if (!is_blob_repeated(m, i))
			rc = publish_document(repo, CFS_CONTAINERS_LAYER,
					      &m->layers[i].digest, &streams[1 + i], NULL,
					      err);
	return rc;
}

/* The blobs get names before the manifest, and the manifest gets its reference last: a
 * crash leaves no reference to something incomplete. streams[0] is the configuration. */
int cfs_artifact_publish(struct cfs_repo *repo,
			 const struct cfs_containers_layer_opts *opts,
			 const struct cfs_artifact *a, const struct cfs_digest *streams,
			 const char *tag, struct cfs_err *err)
{
	struct manifest_names names = {&a->manifest, streams};
	char ref[CFS_ARTIFACT_REF_MAX];
	struct cfs_digest manifest;
	int rc = tag || a->manifest.has_subject ? 0
						: cfs_fail(err, EINVAL,
							   "expected a tag or a manifest "
							   "with a subject, got neither");

	if (!tag && rc == 0)
		tag = cfs_artifact_format_ref(&a->manifest.subject.digest, &a->digest,
					      ref);
	if (rc == 0)
		rc = cfs_containers_write_document(
			opts, CFS_CONTAINERS_TYPE_MANIFEST, cfs_mem_span(&a->json),
			name_artifact_blobs, &names, &manifest, err);
	if (rc == 0)
		rc = cfs_store_commit(opts->store, err);
	if (rc == 0)
		rc = publish_blobs(repo, a, streams, err);
	return rc < 0 ? rc
		      : publish_document(repo, CFS_CONTAINERS_MANIFEST, &a->digest,
					 &manifest, tag, err);
}
