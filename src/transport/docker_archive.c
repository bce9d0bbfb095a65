/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What "docker save" and "podman save" write: manifest.json, a list of images, whose
 * configurations and layers are members of the archive. The names of members are not taken for
 * digests: the digests are computed. */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "transport/place.h"

enum { NAME_MAX_LEN = 4096 };

struct docker_archive {
	struct place place;
	struct cfs_mem manifest; /* made here */
};

static void docker_close(void *ctx)
{
	struct docker_archive *d = ctx;

	if (d->place.close)
		d->place.close(d->place.ctx);
	free(d->manifest.p);
	free(d);
}

static int docker_blob(void *ctx, const struct cfs_oci_descriptor *desc,
		       struct cfs_blob *out, struct cfs_err *err)
{
	struct docker_archive *d = ctx;

	return place_open_digest(&d->place, &desc->digest, out, err);
}

static int docker_document(void *ctx, const struct cfs_oci_digest *digest,
			   struct cfs_transport_document *out, struct cfs_err *err)
{
	const struct docker_archive *d = ctx;
	struct cfs_sink to = cfs_sink_mem(&out->bytes);

	*out = (struct cfs_transport_document){0};
	if (digest)
		return cfs_fail(err, ENOENT, "the archive has no indexes");
	return to.write(to.ctx, d->manifest.p, d->manifest.len, err);
}

/* --- which image -------------------------------------------------------------------- */

/* Whether an image of the archive has this name; docker save writes ":latest" where no
 * tag was given. */
static bool has_repo_tag(const json_t *image, const char *name)
{
	const json_t *tags = json_object_get(image, "RepoTags");
	char latest[NAME_MAX_LEN];
	json_t *tag;
	size_t i;

	snprintf(latest, sizeof(latest), "%s:latest", name);
	json_array_foreach(tags, i, tag)
	{
		const char *text = json_string_value(tag);

		if (text && (strcmp(text, name) == 0 || strcmp(text, latest) == 0))
			return true;
	}
	return false;
}

/* Finds the image called which, or number "@N"; without which the archive must hold
 * exactly one. *out borrows from all. */
static int select_docker_image(const json_t *all, const char *which, const json_t **out,
			       struct cfs_err *err)
{
	size_t n = json_array_size(all), i;
	char *end;

	if (!which) {
		*out = json_array_get(all, 0);
		return n == 1 ? 0
			      : cfs_fail(err, n ? ENOTUNIQ : ENOENT,
					 "expected one image, got %zu: name one, "
					 "FILE:NAME or "
					 "FILE:@NUMBER",
					 n);
	}
	if (*which == '@') {
		unsigned long number = strtoul(which + 1, &end, 10);

		*out = which[1] < '0' || which[1] > '9' || *end
			       ? NULL
			       : json_array_get(all, number);
	} else {
		for (i = 0, *out = NULL; !*out && i < n; i++)
			if (has_repo_tag(json_array_get(all, i), which))
				*out = json_array_get(all, i);
	}
	if (*out)
		return 0;
	return cfs_fail(err, ENOENT, "the archive has no image \"%.200s\"", which);
}

/* --- a manifest for it -------------------------------------------------------------- */

static int put_manifest_text(struct cfs_mem *out, struct cfs_err *err, const char *fmt,
			     ...) CFS_PRINTF(3, 4);

static int put_manifest_text(struct cfs_mem *out, struct cfs_err *err, const char *fmt,
			     ...)
{
	char text[1024];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return cfs_sink_mem(out).write(out, text, (size_t)n, err);
}

/* member: a text of manifest.json. */
static int put_descriptor(struct docker_archive *d, const json_t *member,
			  const char *plain, const char *gzip, struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	const char *name = json_string_value(member);
	struct cfs_oci_digest digest;
	bool is_gzip;
	uint64_t size;
	int rc;

	if (!name || strlen(name) >= NAME_MAX_LEN)
		return cfs_fail(err, EINVAL, "expected the name of a member");
	rc = place_find_member(&d->place, name, &digest, &size, &is_gzip, err);
	if (rc < 0)
		return rc;
	return put_manifest_text(
		&d->manifest, err,
		"{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%" PRIu64 "}",
		is_gzip ? gzip : plain, cfs_oci_digest_text(&digest, text), size);
}

/* Writes the OCI manifest that a docker archive lacks into d->manifest. The digests
 * and sizes are computed from the members, not taken from the archive. */
static int make_docker_manifest(struct docker_archive *d, const json_t *image,
				struct cfs_err *err)
{
	const json_t *layers = json_object_get(image, "Layers");
	size_t n = json_array_size(layers);
	int rc = 0;

	if (n > CFS_OCI_LAYERS_MAX)
		return cfs_fail(err, EINVAL, "Layers: expected at most %d, got %zu",
				CFS_OCI_LAYERS_MAX, n);
	rc = put_manifest_text(
		&d->manifest, err,
		"{\"schemaVersion\":2,\"mediaType\":\"" CFS_OCI_TYPE_MANIFEST
		"\",\"config\":");
	if (rc == 0)
		rc = cfs_context(err,
				 put_descriptor(d, json_object_get(image, "Config"),
						CFS_OCI_TYPE_CONFIG, CFS_OCI_TYPE_CONFIG,
						err),
				 "Config");
	if (rc == 0)
		rc = put_manifest_text(&d->manifest, err, ",\"layers\":[");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		if (i > 0)
			rc = put_manifest_text(&d->manifest, err, ",");
		if (rc == 0)
			rc = cfs_context(err,
					 put_descriptor(d, json_array_get(layers, i),
							CFS_OCI_TYPE_TAR,
							CFS_OCI_TYPE_TAR "+gzip", err),
					 "Layers: entry %zu", i);
	}
	return rc < 0 ? rc : put_manifest_text(&d->manifest, err, "]}");
}

/* Reads manifest.json, selects the image and makes its manifest. d owns the manifest;
 * the JSON is freed here. */
static int read_docker_images(struct docker_archive *d, const char *which,
			      struct cfs_err *err)
{
	struct cfs_mem bytes = {0};
	const json_t *image = NULL;
	json_error_t why;
	json_t *all = NULL;
	int rc =
		place_read(&d->place, "manifest.json", CFS_OCI_MANIFEST_MAX, &bytes, err);

	if (rc == 0)
		rc = cfs_json_check_count(cfs_mem_text(&bytes), CFS_OCI_VALUES_MAX, err);
	if (rc == 0) {
		all = json_loadb((char *)bytes.p, bytes.len, JSON_REJECT_DUPLICATES,
				 &why);
		if (!json_is_array(all))
			rc = cfs_fail(err, EINVAL,
				      "manifest.json: expected a list of images");
	}
	if (rc == 0)
		rc = select_docker_image(all, which, &image, err);
	if (rc == 0)
		rc = cfs_context(err, make_docker_manifest(d, image, err),
				 "manifest.json");
	json_decref(all);
	free(bytes.p);
	return rc;
}

/* --- opening ------------------------------------------------------------------------ */

int place_split_docker(const char *spec, char **path, const char **which,
		       struct cfs_err *err)
{
	const char *colon = strchr(spec, ':');

	*which = colon ? colon + 1 : NULL;
	*path = colon ? strndup(spec, (size_t)(colon - spec)) : strdup(spec);
	return *path ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

int cfs_transport_open_docker_archive(const char *spec, const struct cfs_watch *watch,
				      struct cfs_transport *out, struct cfs_err *err)
{
	struct docker_archive *d = calloc(1, sizeof(*d));
	cfs_autofree char *path = NULL;
	const char *which;
	int rc;

	*out = (struct cfs_transport){0};
	if (!d)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = place_split_docker(spec, &path, &which, err);
	if (rc == 0)
		rc = place_open_archive(path, watch, &d->place, err);
	if (rc == 0)
		rc = cfs_context(err, read_docker_images(d, which, err), "%s", path);
	if (rc < 0) {
		docker_close(d);
		return rc;
	}
	*out = (struct cfs_transport){docker_document, docker_blob, docker_close, d};
	return 0;
}
