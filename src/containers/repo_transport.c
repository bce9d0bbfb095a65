/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A repository as a source: its container images are pulled into another one. */
#include <errno.h>

#include "containers/container.h"
#include "containers/layer_feed.h"
#include "containers/pull.h"
#include "repo/repo.h"

struct repo_source {
	const struct cfs_repo *repo;
	const struct cfs_watch *watch;
	struct cfs_container image;
};

static int source_document(void *ctx, const struct cfs_oci_digest *digest,
			   struct cfs_transport_document *out, struct cfs_err *err)
{
	const struct repo_source *s = ctx;
	const struct cfs_mem *json = &s->image.manifest_json;

	*out = (struct cfs_transport_document){0};
	if (digest)
		return cfs_fail(err, ENOENT, "a repository has no indexes");
	return cfs_sink_mem(&out->bytes).write(&out->bytes, json->p, json->len, err);
}

/* --- blobs -------------------------------------------------------------------------- */

struct config_blob {
	struct cfs_feed_mem from;
};

static ssize_t config_read(void *ctx, void *p, size_t len, struct cfs_err *err)
{
	struct config_blob *b = ctx;
	struct cfs_feed feed = cfs_feed_mem(&b->from);

	return feed.read(feed.ctx, p, len, err);
}

static int open_config(const struct repo_source *s, struct cfs_blob *out,
		       struct cfs_err *err)
{
	struct config_blob *b = calloc(1, sizeof(*b));

	if (!b)
		return cfs_fail(err, ENOMEM, "out of memory");
	b->from.rest =
		(struct cfs_span){s->image.config_json.p, s->image.config_json.len};
	*out = (struct cfs_blob){{config_read, b}, free};
	return 0;
}

static void close_layer(void *feed)
{
	cfs_layer_feed_close(feed);
}

/* The layer whose blob this was; the blob itself was not kept. */
static int open_layer(const struct repo_source *s, size_t i, struct cfs_blob *out,
		      struct cfs_err *err)
{
	struct cfs_layer_feed *f;
	int rc = cfs_layer_feed_open(s->repo, &s->image.config.diff_ids[i], s->watch, &f,
				     err);

	if (rc == 0)
		*out = (struct cfs_blob){cfs_layer_feed(f), close_layer};
	return rc;
}

static int source_blob(void *ctx, const struct cfs_oci_descriptor *d,
		       struct cfs_blob *out, struct cfs_err *err)
{
	const struct repo_source *s = ctx;
	const struct cfs_oci_manifest *m = &s->image.manifest;

	if (cfs_oci_digest_eq(&d->digest, &m->config.digest))
		return open_config(s, out, err);
	for (size_t i = 0; i < m->n_layers && i < s->image.config.n_diff_ids; i++)
		if (cfs_oci_digest_eq(&d->digest, &m->layers[i].digest))
			return open_layer(s, i, out, err);
	return cfs_fail(err, ENOENT, "the image has no such blob");
}

static void source_close(void *ctx)
{
	struct repo_source *s = ctx;

	cfs_container_close(&s->image);
	free(s);
}

int cfs_containers_open_source(const struct cfs_repo *repo, const char *name,
			       const struct cfs_watch *watch, struct cfs_transport *out,
			       struct cfs_err *err)
{
	struct repo_source *s = calloc(1, sizeof(*s));
	int rc;

	*out = (struct cfs_transport){0};
	if (!s)
		return cfs_fail(err, ENOMEM, "out of memory");
	s->repo = repo;
	s->watch = watch;
	rc = cfs_container_open(repo, name, &s->image, err);
	if (rc < 0) {
		source_close(s);
		return rc;
	}
	*out = (struct cfs_transport){source_document, source_blob, source_close, s,
				      .has_plain_layers = true};
	return 0;
}
