/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Pushing a container image: layers, configuration, and the manifest that names them. */
#include <errno.h>
#include <string.h>

#include "containers/push_priv.h"
#include "repo/repo.h"

static int check_container(const struct cfs_container *c, struct cfs_err *err)
{
	if (c->config.n_diff_ids != c->manifest.n_layers)
		return cfs_fail(err, EUCLEAN,
				"configuration: expected %zu diff_ids, got %zu",
				c->manifest.n_layers, c->config.n_diff_ids);
	return 0;
}

static int push_config(const struct push *p, struct cfs_err *err)
{
	const struct cfs_mem *json = &p->container.config_json;
	struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_CONFIG,
				       .digest = p->container.manifest.config.digest,
				       .size = json->len};
	cfs_autofd int fd =
		cfs_child_make_input((struct cfs_span){json->p, json->len}, err);
	bool is_present;

	return fd < 0 ? fd : p->to->put_blob(p->to->ctx, fd, &d, &is_present, err);
}

static bool is_same_layer(const struct cfs_oci_descriptor *a,
			  const struct cfs_oci_descriptor *b)
{
	return cfs_oci_digest_eq(&a->digest, &b->digest) && a->size == b->size &&
	       strcmp(a->media_type, b->media_type) == 0;
}

/* Whether each layer became the blob that the manifest names. */
static bool is_same_manifest(const struct push *p)
{
	const struct cfs_oci_manifest *m = &p->container.manifest;

	for (size_t i = 0; i < p->n_layers; i++)
		if (!is_same_layer(&m->layers[i], &p->layers[i]))
			return false;
	return p->to->takes_docker ||
	       (strcmp(m->config.media_type, CFS_OCI_TYPE_CONFIG) == 0 &&
		(!m->media_type || strcmp(m->media_type, CFS_OCI_TYPE_MANIFEST) == 0));
}

static const char *name_packed_layer_type(enum cfs_oci_packing packing)
{
	return packing == CFS_OCI_TAR_GZIP   ? CFS_OCI_TYPE_TAR "+gzip"
	       : packing == CFS_OCI_TAR_ZSTD ? CFS_OCI_TYPE_TAR "+zstd"
					     : CFS_OCI_TYPE_TAR;
}

static int make_push_manifest(struct push *p, struct cfs_mem *out, struct cfs_err *err)
{
	const struct cfs_mem *json = &p->container.manifest_json;

	p->is_same_manifest = is_same_manifest(p);
	if (p->is_same_manifest)
		return cfs_sink_mem(out).write(out, json->p, json->len, err);
	for (size_t i = 0; i < p->n_layers;
	     i++) /* of docker, if it was not compressed anew */
		p->layers[i].media_type = name_packed_layer_type(
			cfs_oci_find_packing(p->layers[i].media_type));
	return cfs_oci_manifest_repack(&p->container.manifest, p->layers, out, err);
}

/* The manifest of the pull is sent byte by byte if its layers did not change, so that
 * its digest and signatures stay valid. out gets the digest of what was sent. */
static int push_manifest(struct push *p, struct cfs_push_result *out, struct cfs_err *err)
{
	struct cfs_oci_descriptor d = {.media_type = CFS_OCI_TYPE_MANIFEST};
	struct cfs_mem json = {0};
	int rc = make_push_manifest(p, &json, err);

	if (rc == 0) {
		struct cfs_span bytes = {json.p, json.len};

		if (p->is_same_manifest && p->container.manifest.media_type)
			d.media_type = p->container.manifest.media_type;
		cfs_oci_digest_of(p->is_same_manifest ? p->container.digest.alg
						      : CFS_SHA256,
				  bytes, &d.digest);
		d.size = json.len;
		rc = (p->opts->is_entry ? p->to->put_entry : p->to->put_manifest)(
			p->to->ctx, bytes, &d, err);
	}
	out->manifest = d.digest;
	out->manifest_len = d.size;
	free(json.p);
	return rc;
}

/* Blobs before the manifest that refers to them: registries refuse it otherwise. The
 * checks come before the first byte is sent. */
static int push_image(struct push *p, struct cfs_push_result *out, struct cfs_err *err)
{
	int rc = check_container(&p->container, err);

	p->n_layers = p->container.manifest.n_layers;
	if (rc == 0)
		rc = push_check_referrers(p, err);
	if (rc == 0)
		rc = push_list_mounts(p, err);
	if (rc == 0)
		rc = push_layers(p, err);
	if (rc == 0)
		rc = cfs_context(err, push_config(p, err), "configuration");
	if (rc == 0)
		rc = cfs_context(err, push_manifest(p, out, err), "manifest");
	if (rc == 0)
		rc = push_referrers(p, err);
	out->config = p->container.manifest.config.digest;
	out->n_referrers = p->n_referrers;
	out->n_layers = p->n_layers;
	out->n_present = atomic_load(&p->n_present);
	out->bytes_sent = atomic_load(&p->bytes_sent);
	return rc;
}

static int push_all(struct push *p, struct cfs_push_result *out, struct cfs_err *err)
{
	if (p->container.manifest.is_image)
		return push_image(p, out, err);
	out->manifest = p->container.digest;
	out->manifest_len = p->container.manifest_json.len;
	out->config = p->container.manifest.config.digest;
	out->n_layers = p->container.manifest.n_layers;
	return push_named_artifact(p, err);
}

/* Frees what the parts of a push allocated, so that they need not clean up after a
 * failure. Layers in an archive of docker are plain tar files. */
int cfs_containers_push(const struct cfs_repo *repo, const char *name,
			const struct cfs_destination *to,
			const struct cfs_push_opts *opts, struct cfs_push_result *out,
			struct cfs_err *err)
{
	struct push p = {.repo = repo,
			 .to = to,
			 .opts = opts,
			 .lock = PTHREAD_MUTEX_INITIALIZER,
			 .next = PTHREAD_COND_INITIALIZER,
			 .failed = SIZE_MAX};
	int rc = cfs_container_open(repo, name, &p.container, err);

	*out = (struct cfs_push_result){0};
	if (rc == 0 && to->has_plain_layers && opts->compression != CFS_COMPRESSION_NONE)
		rc = cfs_fail(err, EINVAL,
			      "layers of such an archive are not compressed");
	if (rc == 0)
		rc = push_all(&p, out, err);
	cfs_container_close(&p.container);
	free(p.mounts);
	free(p.layers);
	free(p.order);
	free(p.sizes);
	return rc;
}
