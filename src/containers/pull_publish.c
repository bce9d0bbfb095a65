/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The end of a pull: the streams of configuration and manifest, and their names. */
#include <errno.h>
#include <stdio.h>

#include "containers/container.h"
#include "containers/pull_priv.h"
#include "stream/stream.h"

/* --- named references --------------------------------------------------------------- */

/* Adds references to the streams of the layers, each once, so that garbage collection
 * keeps them. */
static int name_layers(const struct pull *p, struct cfs_stream_writer *w,
		       struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < p->n_layers; i++) {
		char text[CFS_OCI_DIGEST_TEXT_MAX];

		if (!p->layers[i].is_repeated)
			rc = cfs_stream_name_stream(
				w,
				cfs_text(cfs_oci_digest_text(p->layers[i].diff_id, text)),
				&p->layers[i].stream, err);
	}
	return rc;
}

/* What the names of a configuration are made of. */
struct config_names {
	const struct pull *p;
	const struct cfs_digest *image; /* NULL: none */
	bool is_boot;
	struct cfs_stream_writer *to;
};

static bool is_image_key(struct cfs_text name)
{
	return cfs_text_has_prefix(name, CFS_TEXT("composefs.image"));
}

/* Images that were made of the configuration before stay; the new one replaces its own. */
static int keep_image(void *ctx, struct cfs_text name, const struct cfs_digest *id,
		      struct cfs_err *err)
{
	const struct config_names *c = ctx;
	const char *own = cfs_containers_get_image_key(1, c->is_boot);

	if (!is_image_key(name) || (c->image && cfs_text_eq(name, cfs_text(own))))
		return 0;
	return cfs_stream_name_stream(c->to, name, id, err);
}

static int keep_images(struct config_names *c, struct cfs_err *err)
{
	int rc = cfs_containers_visit_config_names(
		c->p->repo, &c->p->manifest.config.digest, keep_image, c, err);

	return rc == -ENOENT ? 0 : rc;
}

/* Writes the references of the configuration's stream: to its layers and to the images
 * made of it. Garbage collection follows them. */
static int name_config(void *ctx, struct cfs_stream_writer *w, struct cfs_err *err)
{
	struct config_names *c = ctx;
	int rc = name_layers(c->p, w, err);

	c->to = w;
	if (rc == 0)
		rc = keep_images(c, err);
	if (rc == 0 && c->image)
		rc = cfs_stream_name_stream(
			w, cfs_text(cfs_containers_get_image_key(1, c->is_boot)),
			c->image, err);
	return rc;
}

struct manifest_names {
	const struct pull *p;
	struct cfs_digest config;
};

/* Writes the references of the manifest's stream: configuration, layers and the blobs
 * that were kept. */
static int name_manifest_stream(void *ctx, struct cfs_stream_writer *w,
				struct cfs_err *err)
{
	const struct manifest_names *m = ctx;
	char text[CFS_OCI_DIGEST_TEXT_MAX],
		key[sizeof("config:") + CFS_OCI_DIGEST_TEXT_MAX];
	int rc;

	snprintf(key, sizeof(key), "config:%s",
		 cfs_oci_digest_text(&m->p->manifest.config.digest, text));
	rc = cfs_stream_name_stream(w, cfs_text(key), &m->config, err);
	if (rc == 0)
		rc = name_layers(m->p, w, err);
	return rc < 0 ? rc : pull_name_kept(m->p, w, err);
}

/* --- streams ------------------------------------------------------------------------ */

static int write_config_document(struct pull *p, const struct cfs_digest *image,
				 struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(p, 0);
	struct config_names names = {p, image, p->opts->merge.bootable, NULL};

	return cfs_containers_write_document(&opts, CFS_CONTAINERS_TYPE_CONFIG,
					     cfs_mem_span(&p->config_json), name_config,
					     &names, out, err);
}

static int write_manifest(struct pull *p, const struct cfs_digest *config,
			  struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_containers_layer_opts opts = pull_make_layer_opts(p, 0);
	struct manifest_names names = {p, *config};

	return cfs_containers_write_document(&opts, CFS_CONTAINERS_TYPE_MANIFEST,
					     cfs_mem_span(&p->manifest_json),
					     name_manifest_stream, &names, out, err);
}

/* Names a stream by the digest of its document, and by the tag if ref is given. */
static int publish_stream(struct pull *p, const char *kind,
			  const struct cfs_oci_digest *digest,
			  const struct cfs_digest *id, const char *ref,
			  struct cfs_err *err)
{
	char name[CFS_CONTAINERS_STREAM_MAX];
	/* Garbage collection also finds the stream of a configuration or layer by its name
	 * (gc/mark.c), so replacing it loses nothing for other manifests. */
	struct cfs_repo_link link = {
		.kind = CFS_REPO_STREAMS, .id = *id, .ref = ref, .replaces = true};

	link.name = cfs_containers_format_stream_name(kind, digest, name);
	return cfs_repo_publish(p->repo, &link, err);
}

/* The order protects from a crash: commit, then the image, the configuration and the
 * manifest, which refers to them, and its tag in the same step. image NULL: none was
 * made. */
int pull_publish(struct pull *p, const struct cfs_digest *image, struct cfs_err *err)
{
	struct cfs_digest config, manifest;
	char ref[CFS_CONTAINERS_REF_MAX];
	int rc = write_config_document(p, image, &config, err);

	if (rc == 0)
		rc = write_manifest(p, &config, &manifest, err);
	if (rc == 0 && p->opts->tag)
		rc = cfs_containers_format_ref(p->opts->tag, ref, err);
	if (rc == 0)
		rc = cfs_store_commit(p->store, err);
	if (rc == 0 && image)
		rc = cfs_repo_publish(
			p->repo,
			&(struct cfs_repo_link){.kind = CFS_REPO_IMAGES, .id = *image},
			err);
	if (rc == 0)
		rc = publish_stream(p, CFS_CONTAINERS_CONFIG, &p->manifest.config.digest,
				    &config, NULL, err);
	if (rc == 0)
		rc = publish_stream(p, CFS_CONTAINERS_MANIFEST, &p->digest, &manifest,
				    p->opts->tag ? ref : NULL, err);
	return rc;
}
