/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Descriptors and manifests. */
#include "oci/manifest.h"

#include <errno.h>
#include <string.h>

#include "oci/oci_priv.h"

/* --- descriptors -------------------------------------------------------------------- */

static int parse_descriptor_size(const json_t *from, uint64_t *out, struct cfs_err *err)
{
	json_t *size;
	int rc = oci_get(from, "size", JSON_INTEGER, &size, err);

	if (rc < 0)
		return rc;
	if (!size || json_integer_value(size) < 0)
		return cfs_fail(err, EINVAL, "size: expected a number from 0 on");
	*out = (uint64_t)json_integer_value(size);
	return 0;
}

int oci_parse_descriptor(const json_t *from, struct cfs_oci_descriptor *out,
			 struct cfs_err *err)
{
	const char *digest;
	int rc = oci_get_text(from, "mediaType", &out->media_type, err);

	if (rc == 0)
		rc = oci_get_text(from, "digest", &digest, err);
	if (rc == 0 && (!out->media_type || !digest))
		return cfs_fail(err, EINVAL, "%s: expected a string",
				digest ? "mediaType" : "digest");
	if (rc == 0)
		rc = cfs_oci_digest_parse(cfs_text(digest), &out->digest, err);
	if (rc == 0)
		rc = parse_descriptor_size(from, &out->size, err);
	if (rc == 0)
		rc = oci_get_text(from, "artifactType", &out->artifact_type, err);
	return rc < 0 ? rc : oci_get_map(from, "annotations", &out->annotations, err);
}

const char *cfs_oci_find_annotation(const struct cfs_oci_descriptor *d, const char *key)
{
	return json_string_value(json_object_get(d->annotations, key));
}

int cfs_oci_check_blob(const struct cfs_oci_descriptor *d, struct cfs_span bytes,
		       struct cfs_err *err)
{
	struct cfs_oci_digest actual;

	if (bytes.len != d->size)
		return cfs_fail(err, EILSEQ,
				"size mismatch: expected %llu bytes, got %zu",
				(unsigned long long)d->size, bytes.len);
	cfs_oci_digest_of(d->digest.alg, bytes, &actual);
	return cfs_oci_digest_expect(&d->digest, &actual, err);
}

enum cfs_oci_packing cfs_oci_find_packing(const char *media_type)
{
	static const struct {
		const char *type;
		enum cfs_oci_packing packing;
	} known[] = {
		{CFS_OCI_TYPE_TAR, CFS_OCI_TAR},
		{CFS_OCI_TYPE_TAR "+gzip", CFS_OCI_TAR_GZIP},
		{CFS_OCI_TYPE_TAR "+zstd", CFS_OCI_TAR_ZSTD},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar", CFS_OCI_TAR},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
		 CFS_OCI_TAR_GZIP},
		{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
		 CFS_OCI_TAR_ZSTD},
		{"application/vnd.docker.image.rootfs.diff.tar", CFS_OCI_TAR},
		{"application/vnd.docker.image.rootfs.diff.tar.gzip", CFS_OCI_TAR_GZIP},
		{"application/vnd.docker.image.rootfs.diff.tar.zstd", CFS_OCI_TAR_ZSTD},
		{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
		 CFS_OCI_TAR_GZIP},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(media_type, known[i].type) == 0)
			return known[i].packing;
	return CFS_OCI_NO_TAR;
}

/* --- manifest or index -------------------------------------------------------------- */

/* A registry may add parameters: "TYPE; charset=utf-8". */
static bool is_media_type(struct cfs_text content_type, const char *type)
{
	const char *semicolon = memchr(content_type.s, ';', content_type.len);

	if (semicolon)
		content_type.len = (size_t)(semicolon - content_type.s);
	while (content_type.len > 0 && content_type.s[content_type.len - 1] == ' ')
		content_type.len--;
	return cfs_text_eq(content_type, cfs_text(type));
}

static bool is_index_type(const char *type)
{
	return is_media_type(cfs_text(type), CFS_OCI_TYPE_INDEX) ||
	       is_media_type(cfs_text(type), CFS_DOCKER_TYPE_LIST);
}

static bool is_manifest_type(const char *type)
{
	return is_media_type(cfs_text(type), CFS_OCI_TYPE_MANIFEST) ||
	       is_media_type(cfs_text(type), CFS_DOCKER_TYPE_MANIFEST);
}

/* A document that one program takes for a manifest and another one for an index has two
 * meanings under one digest (CVE-2021-41190). */
static int check_manifest_kind(const json_t *root, struct cfs_err *err)
{
	const json_t *version = json_object_get(root, "schemaVersion");
	bool has_layers = json_object_get(root, "layers") ||
			  json_object_get(root, "config") ||
			  json_object_get(root, "fsLayers");

	if (json_is_integer(version) && json_integer_value(version) == 1)
		return cfs_fail(
			err, ENOTSUP,
			"a schema 1 manifest of docker, which no longer has a use: "
			"push the image again with a newer client");
	if (!json_is_integer(version) || json_integer_value(version) != 2)
		return cfs_fail(err, ENOTSUP, "schemaVersion: expected 2");
	if (json_object_get(root, "manifests") && has_layers)
		return cfs_fail(err, EINVAL,
				"a manifest and an index at once: \"manifests\" beside "
				"\"layers\" or \"config\"");
	return 0;
}

static int check_manifest_type(const char *type, const char *place,
			       enum cfs_oci_kind kind, struct cfs_err *err)
{
	if (type &&
	    (kind == CFS_OCI_INDEX ? !is_index_type(type) : !is_manifest_type(type)))
		return cfs_fail(err, EINVAL,
				"%s: expected the type of %s, got \"%.100s\"", place,
				kind == CFS_OCI_INDEX ? "an index" : "a manifest", type);
	return 0;
}

int cfs_oci_find_kind(struct cfs_text json, const char *content_type,
		      enum cfs_oci_kind *out, struct cfs_err *err)
{
	const char *media_type = NULL;
	json_t *root;
	int rc = oci_load_object(json, CFS_OCI_MANIFEST_MAX, &root, err);

	if (rc < 0)
		return rc;
	*out = json_object_get(root, "manifests") ? CFS_OCI_INDEX : CFS_OCI_MANIFEST;
	rc = check_manifest_kind(root, err);
	if (rc == 0)
		rc = oci_get_text(root, "mediaType", &media_type, err);
	if (rc == 0)
		rc = check_manifest_type(media_type, "mediaType", *out, err);
	if (rc == 0)
		rc = check_manifest_type(content_type, "Content-Type", *out, err);
	json_decref(root);
	return rc;
}

/* --- manifests ---------------------------------------------------------------------- */

/* Parses the descriptors of all layers; n_layers is right after a failure, too, for
 * the caller that frees them. */
static int parse_layers(struct cfs_oci_manifest *m, struct cfs_err *err)
{
	json_t *list;
	int rc = oci_get_list(m->root, "layers", JSON_OBJECT, &list, err);
	size_t n = rc == 0 ? json_array_size(list) : 0;

	if (rc < 0)
		return rc;
	m->layers = calloc(n ? n : 1, sizeof(*m->layers));
	if (!m->layers)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (m->n_layers = 0; rc == 0 && m->n_layers < n; m->n_layers++)
		rc = cfs_context(err,
				 oci_parse_descriptor(json_array_get(list, m->n_layers),
						      &m->layers[m->n_layers], err),
				 "layer %zu", m->n_layers);
	return rc;
}

/* The media type of the configuration tells an image from another artifact. */
static int parse_config_descriptor(struct cfs_oci_manifest *m, struct cfs_err *err)
{
	json_t *config;
	int rc = oci_get(m->root, "config", JSON_OBJECT, &config, err);

	if (rc < 0)
		return rc;
	if (!config)
		return cfs_fail(err, EINVAL, "config: expected an object");
	rc = cfs_context(err, oci_parse_descriptor(config, &m->config, err), "config");
	m->is_image =
		rc == 0 && (strcmp(m->config.media_type, CFS_OCI_TYPE_CONFIG) == 0 ||
			    strcmp(m->config.media_type, CFS_DOCKER_TYPE_CONFIG) == 0);
	return rc;
}

static int parse_manifest_subject(struct cfs_oci_manifest *m, struct cfs_err *err)
{
	json_t *subject;
	int rc = oci_get(m->root, "subject", JSON_OBJECT, &subject, err);

	m->has_subject = rc == 0 && subject;
	if (!m->has_subject)
		return rc;
	return cfs_context(err, oci_parse_descriptor(subject, &m->subject, err),
			   "subject");
}

int cfs_oci_manifest_parse(struct cfs_text json, struct cfs_oci_manifest *out,
			   struct cfs_err *err)
{
	enum cfs_oci_kind kind;
	int rc;

	*out = (struct cfs_oci_manifest){0};
	rc = cfs_oci_find_kind(json, NULL, &kind, err);
	if (rc == 0 && kind != CFS_OCI_MANIFEST)
		return cfs_fail(err, EINVAL, "expected a manifest, got an index");
	if (rc == 0)
		rc = oci_load_object(json, CFS_OCI_MANIFEST_MAX, &out->root, err);
	if (rc == 0)
		rc = oci_get_text(out->root, "mediaType", &out->media_type, err);
	if (rc == 0)
		rc = oci_get_text(out->root, "artifactType", &out->artifact_type, err);
	if (rc == 0)
		rc = parse_config_descriptor(out, err);
	if (rc == 0)
		rc = parse_layers(out, err);
	if (rc == 0)
		rc = parse_manifest_subject(out, err);
	return rc < 0 ? rc
		      : oci_get_map(out->root, "annotations", &out->annotations, err);
}

void cfs_oci_manifest_fini(struct cfs_oci_manifest *m)
{
	free(m->layers);
	json_decref(m->root);
	*m = (struct cfs_oci_manifest){0};
}
