/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The local store of podman and others as a source of container images. */
#include <errno.h>

#include "storage/storage.h"
#include "transport/transport.h"

struct local_store {
	struct cfs_storage *storage;
	struct cfs_oci_manifest manifest; /* that was read last */
};

/* Keeps the manifest: a layer of the store is found by its place there. */
static int keep_store_manifest(struct local_store *l, struct cfs_text json,
			       struct cfs_err *err)
{
	enum cfs_oci_kind kind;
	int rc = cfs_oci_find_kind(json, NULL, &kind, err);

	if (rc < 0 || kind != CFS_OCI_MANIFEST)
		return rc;
	cfs_oci_manifest_fini(&l->manifest);
	rc = cfs_oci_manifest_parse(json, &l->manifest, err);
	if (rc == 0 && l->manifest.n_layers != cfs_storage_count_layers(l->storage))
		rc = cfs_fail(err, EINVAL,
			      "layers: expected %zu, as the manifest has, got %zu from "
			      "the store",
			      l->manifest.n_layers, cfs_storage_count_layers(l->storage));
	return rc;
}

/* Gives the pull the manifest of an image in podman's storage, and keeps what the
 * layers need later. */
static int store_document(void *ctx, const struct cfs_oci_digest *digest,
			  struct cfs_transport_document *out, struct cfs_err *err)
{
	struct local_store *l = ctx;
	int rc;

	*out = (struct cfs_transport_document){0};
	rc = cfs_storage_read_manifest(l->storage, digest, &out->bytes, err);
	if (rc == 0)
		rc = keep_store_manifest(l, cfs_mem_text(&out->bytes), err);
	if (rc < 0)
		free(cfs_steal(&out->bytes.p));
	return rc;
}

/* --- blobs -------------------------------------------------------------------------- */

struct config_blob {
	struct cfs_mem bytes;
	struct cfs_feed_mem rest;
};

static void close_config(void *ctx)
{
	struct config_blob *b = ctx;

	free(b->bytes.p);
	free(b);
}

static ssize_t read_store_config(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct config_blob *b = ctx;
	struct cfs_feed feed = cfs_feed_mem(&b->rest);

	return feed.read(feed.ctx, p, len, err);
}

/* Opens the configuration of an image in podman's storage; out owns the bytes. */
static int open_store_config(const struct local_store *l,
			     const struct cfs_oci_digest *digest, struct cfs_blob *out,
			     struct cfs_err *err)
{
	struct config_blob *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = cfs_storage_read_config(l->storage, digest, &b->bytes, err);
	if (rc < 0) {
		close_config(b);
		return rc;
	}
	b->rest.rest = cfs_mem_span(&b->bytes);
	*out = (struct cfs_blob){{read_store_config, b}, close_config};
	return 0;
}

static ssize_t read_store_layer(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct cfs_feed feed = cfs_storage_layer_feed(ctx);

	return feed.read(feed.ctx, p, len, err);
}

static void close_store_layer(void *ctx)
{
	cfs_storage_layer_close(ctx);
}

static int open_file_of_layer(void *ctx, struct cfs_text path)
{
	return cfs_storage_layer_open_file(ctx, path);
}

static int open_store_layer(const struct local_store *l, size_t i, struct cfs_blob *out,
			    struct cfs_err *err)
{
	struct cfs_storage_layer *layer;
	int rc = cfs_storage_open_layer(l->storage, i, &layer, err);

	if (rc == 0)
		*out = (struct cfs_blob){
			{read_store_layer, layer}, close_store_layer, open_file_of_layer};
	return rc;
}

static int store_blob(void *ctx, const struct cfs_oci_descriptor *d, struct cfs_blob *out,
		      struct cfs_err *err)
{
	const struct local_store *l = ctx;
	const struct cfs_oci_manifest *m = &l->manifest;

	if (m->root && cfs_oci_digest_eq(&d->digest, &m->config.digest))
		return open_store_config(l, &d->digest, out, err);
	for (size_t i = 0; i < m->n_layers; i++)
		if (cfs_oci_digest_eq(&d->digest, &m->layers[i].digest))
			return open_store_layer(l, i, out, err);
	return cfs_fail(err, ENOENT, "the image has no such blob");
}

/* --- opening ------------------------------------------------------------------------ */

static void store_close(void *ctx)
{
	struct local_store *l = ctx;

	cfs_oci_manifest_fini(&l->manifest);
	cfs_storage_close(l->storage);
	free(l);
}

int cfs_transport_open_containers_storage(const char *spec, const struct cfs_watch *watch,
					  struct cfs_transport *out, struct cfs_err *err)
{
	struct local_store *l = calloc(1, sizeof(*l));
	struct cfs_storage_env env;
	int rc;

	*out = (struct cfs_transport){0};
	if (!l)
		return cfs_fail(err, ENOMEM, "out of memory");
	cfs_storage_env_read(&env);
	rc = cfs_storage_open(spec, &env, watch, &l->storage, err);
	if (rc < 0) {
		store_close(l);
		return rc;
	}
	*out = (struct cfs_transport){store_document, store_blob, store_close, l,
				      .has_plain_layers = true};
	return 0;
}
