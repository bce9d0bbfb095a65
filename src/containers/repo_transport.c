/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A repository as a source: its container images are pulled into another one. */
#include <errno.h>

#include "containers/artifact.h"
#include "containers/index.h"
#include "containers/layer_feed.h"
#include "containers/pull.h"
#include "repo/repo.h"

struct repo_source {
	const struct cfs_repo *repo;
	const struct cfs_watch *watch;
	struct cfs_container_index index; /* zero: the source is one image */
	struct cfs_container image;	  /* of an index: the one that was read last */
};

/* A digest that the index does not have is that of an artifact with an image as its subject. */
static int read_artifact(const struct repo_source *s, const struct cfs_oci_digest *digest,
			 struct cfs_mem *out, struct cfs_err *err)
{
	struct cfs_artifact a;
	int rc = cfs_artifact_open(s->repo, digest, &a, err);

	if (rc == 0) {
		*out = a.json;
		a.json = (struct cfs_mem){0};
	}
	cfs_artifact_close(&a);
	return rc;
}

/* The blobs that are read next are those of this image. */
static int open_entry(struct repo_source *s, const struct cfs_oci_digest *digest,
		      struct cfs_err *err)
{
	char name[1 + CFS_OCI_DIGEST_TEXT_MAX] = "@";

	cfs_oci_digest_text(digest, name + 1);
	cfs_container_close(&s->image);
	return cfs_container_open(s->repo, name, &s->image, err);
}

/* Gives copy the manifest, the index or an artifact of the other repository, like a
 * registry does. */
static int source_document(void *ctx, const struct cfs_oci_digest *digest,
			   struct cfs_transport_document *out, struct cfs_err *err)
{
	struct repo_source *s = ctx;
	const struct cfs_mem *json = &s->image.manifest_json;
	struct cfs_err unused;
	int rc = 0;
	size_t i;

	*out = (struct cfs_transport_document){0};
	if (!digest && s->index.json.p)
		json = &s->index.json;
	else if (digest && cfs_oci_index_find(&s->index.index, digest, &i, &unused) == 0)
		rc = open_entry(s, digest, err);
	else if (digest)
		return read_artifact(s, digest, &out->bytes, err);
	return rc < 0 ? rc
		      : cfs_sink_mem(&out->bytes)
				.write(&out->bytes, json->p, json->len, err);
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

static int open_repo_config(const struct repo_source *s, struct cfs_blob *out,
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

static void close_repo_layer(void *feed)
{
	cfs_layer_feed_close(feed);
}

/* The layer whose blob this was; the blob itself was not kept. */
static int open_repo_layer(const struct repo_source *s, size_t i, struct cfs_blob *out,
			   struct cfs_err *err)
{
	struct cfs_layer_feed *f;
	int rc = cfs_layer_feed_open(s->repo, &s->image.config.diff_ids[i], s->watch, &f,
				     err);

	if (rc == 0)
		*out = (struct cfs_blob){cfs_layer_feed_get(f), close_repo_layer};
	return rc;
}

static void close_repo_blob(void *ctx)
{
	struct cfs_watched_fd *from = ctx;

	close(from->fd);
	free(from);
}

/* A blob of an artifact: a layer or a configuration. */
static int open_artifact_blob(const struct repo_source *s,
			      const struct cfs_oci_descriptor *d, struct cfs_blob *out,
			      struct cfs_err *err)
{
	cfs_autofd int fd = cfs_artifact_open_blob(s->repo, d, false, err);
	struct cfs_watched_fd *from;

	if (fd == -ENOENT)
		fd = cfs_artifact_open_blob(s->repo, d, true, err);
	if (fd < 0)
		return fd;
	from = malloc(sizeof(*from));
	if (!from)
		return cfs_fail(err, ENOMEM, "out of memory");
	*from = (struct cfs_watched_fd){.fd = cfs_steal_fd(&fd), .watch = s->watch};
	*out = (struct cfs_blob){cfs_feed_watched_fd(from), close_repo_blob};
	return 0;
}

static int source_blob(void *ctx, const struct cfs_oci_descriptor *d,
		       struct cfs_blob *out, struct cfs_err *err)
{
	const struct repo_source *s = ctx;
	const struct cfs_oci_manifest *m = &s->image.manifest;

	if (cfs_oci_digest_eq(&d->digest, &m->config.digest))
		return open_repo_config(s, out, err);
	for (size_t i = 0; i < m->n_layers && i < s->image.config.n_diff_ids; i++)
		if (cfs_oci_digest_eq(&d->digest, &m->layers[i].digest))
			return open_repo_layer(s, i, out, err);
	return open_artifact_blob(s, d, out, err);
}

struct passing {
	const char *type; /* NULL: all */
	cfs_referrer_fn fn;
	void *ctx;
};

static int pass_repo_artifact(void *ctx, const struct cfs_artifact *a,
			      struct cfs_err *err)
{
	const struct passing *p = ctx;
	const struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_MANIFEST,
					     .digest = a->digest,
					     .size = a->json.len,
					     .artifact_type = a->manifest.artifact_type};

	return cfs_transport_may_have_type(&d, p->type) ? p->fn(p->ctx, &d, err) : 0;
}

static int source_referrers(void *ctx, const struct cfs_oci_digest *subject,
			    const char *type, cfs_referrer_fn fn, void *fn_ctx,
			    struct cfs_err *err)
{
	const struct repo_source *s = ctx;
	struct passing p = {type, fn, fn_ctx};

	return cfs_artifact_list(s->repo, subject, pass_repo_artifact, &p, err);
}

static void source_close(void *ctx)
{
	struct repo_source *s = ctx;

	cfs_container_index_close(&s->index);
	cfs_container_close(&s->image);
	free(s);
}

/* A repository as one more place to pull from: its layers are archives that were put
 * together again. *out borrows repo and watch; its close frees the rest. */
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
	rc = cfs_container_index_open(repo, name, &s->index, err);
	if (rc == 0)
		rc = cfs_container_open(repo, name, &s->image, err);
	if (rc < 0) {
		source_close(s);
		return rc;
	}
	*out = (struct cfs_transport){source_document,
				      source_blob,
				      source_close,
				      s,
				      .has_plain_layers = true,
				      .referrers = source_referrers};
	return 0;
}
