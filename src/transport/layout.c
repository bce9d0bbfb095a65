/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* OCI image layouts, in a directory or an archive: index.json, oci-layout and
 * blobs/ALGORITHM/HEX.
 * Source: OCI image specification 1.1, image-layout.md. */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "transport/layout_priv.h"
#include "transport/place.h"

struct layout {
	struct place place;
	char *tag; /* NULL: none was given */
};

static void layout_close(void *ctx)
{
	struct layout *l = ctx;

	if (l->place.close)
		l->place.close(l->place.ctx);
	free(l->tag);
	free(l);
}

char *layout_format_path(const struct cfs_oci_digest *d, char out[LAYOUT_PATH_MAX])
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	snprintf(out, LAYOUT_PATH_MAX, "blobs/%s", cfs_oci_digest_text(d, text));
	*strchr(out, ':') = '/';
	return out;
}

static int layout_blob(void *ctx, const struct cfs_oci_descriptor *d,
		       struct cfs_blob *out, struct cfs_err *err)
{
	const struct layout *l = ctx;
	char path[LAYOUT_PATH_MAX];
	uint64_t size;

	layout_format_path(&d->digest, path);
	return cfs_context(err, l->place.open(l->place.ctx, path, out, &size, err), "%s",
			   path);
}

/* --- index.json --------------------------------------------------------------------- */

static const char *tag_of(const struct cfs_oci_index_entry *e)
{
	const char *tag = cfs_oci_find_annotation(&e->descriptor,
						  "org.opencontainers.image.ref.name");

	return tag ? tag : "";
}

/* The error lists the tags that exist. */
static int fail_tag(const struct cfs_oci_index *index, const char *tag,
		    struct cfs_err *err)
{
	char list[512] = "";
	size_t len = 0;

	for (size_t i = 0; i < index->n_entries && len < 400; i++)
		if (*tag_of(&index->entries[i]))
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%.64s",
						len ? ", " : "",
						tag_of(&index->entries[i]));
	return cfs_fail(err, ENOENT,
			"no image with the tag \"%.100s\": index.json has %s", tag,
			len ? list : "no tags");
}

/* The only entry that describes no other one. */
static int find_single(const struct cfs_oci_index *index, size_t *out,
		       struct cfs_err *err)
{
	size_t n = 0;

	for (size_t i = 0; i < index->n_entries; i++)
		if (!index->entries[i].is_attestation) {
			*out = i;
			n++;
		}
	if (n == 1)
		return 0;
	return cfs_fail(err, n ? ENOTUNIQ : ENOENT,
			n ? "expected one image, got %zu: name one by its tag, DIR:TAG"
			  : "expected an image, got %zu",
			n);
}

static int find_manifest_entry(const struct layout *l, const struct cfs_oci_index *index,
			       size_t *out, struct cfs_err *err)
{
	if (!l->tag)
		return find_single(index, out, err);
	for (size_t i = 0; i < index->n_entries; i++)
		if (strcmp(tag_of(&index->entries[i]), l->tag) == 0) {
			*out = i;
			return 0;
		}
	return fail_tag(index, l->tag, err);
}

/* Without a tag, index.json itself can be the index of several platforms. */
static bool is_of_platforms(const struct layout *l, const struct cfs_oci_index *index)
{
	size_t n = 0;

	for (size_t i = 0; !l->tag && i < index->n_entries; i++)
		if (!index->entries[i].has_platform && !index->entries[i].is_attestation)
			return false;
		else
			n++;
	return n > 1;
}

static int read_blob_of(struct layout *l, const struct cfs_oci_digest *digest,
			struct cfs_mem *out, struct cfs_err *err)
{
	char path[LAYOUT_PATH_MAX];

	layout_format_path(digest, path);
	return place_read(&l->place, path, CFS_OCI_MANIFEST_MAX, out, err);
}

/* Reads the manifest with the tag of l, checked against its descriptor. If the entries
 * differ only in platform, the index itself is returned, for the caller to choose.
 * out->bytes belong to the caller. */
static int read_named(struct layout *l, struct cfs_transport_document *out,
		      struct cfs_err *err)
{
	struct cfs_oci_index index = {0};
	struct cfs_mem bytes = {0};
	size_t i = 0;
	int rc = place_read(&l->place, "index.json", CFS_OCI_MANIFEST_MAX, &bytes, err);

	if (rc == 0)
		rc = cfs_context(err,
				 cfs_oci_index_parse(cfs_mem_text(&bytes), &index, err),
				 "index.json");
	if (rc == 0 && is_of_platforms(l, &index)) {
		out->bytes = bytes;
		bytes = (struct cfs_mem){0};
	} else if (rc == 0) {
		rc = find_manifest_entry(l, &index, &i, err);
		if (rc == 0)
			rc = read_blob_of(l, &index.entries[i].descriptor.digest,
					  &out->bytes, err);
		if (rc == 0)
			rc = cfs_oci_check_blob(&index.entries[i].descriptor,
						cfs_mem_span(&out->bytes), err);
	}
	cfs_oci_index_fini(&index);
	free(bytes.p);
	return rc;
}

static int layout_document(void *ctx, const struct cfs_oci_digest *digest,
			   struct cfs_transport_document *out, struct cfs_err *err)
{
	struct layout *l = ctx;
	int rc;

	*out = (struct cfs_transport_document){0};
	rc = digest ? read_blob_of(l, digest, &out->bytes, err) : read_named(l, out, err);
	if (rc < 0)
		free(cfs_steal(&out->bytes.p));
	return rc;
}

/* --- referrers ---------------------------------------------------------------------- */

/* 1: the document is a manifest with this subject. */
static int has_subject(struct cfs_text json, const struct cfs_oci_digest *subject,
		       struct cfs_err *err)
{
	struct cfs_oci_manifest m;
	enum cfs_oci_kind kind;
	int rc = cfs_oci_find_kind(json, NULL, &kind, err);

	if (rc < 0 || kind != CFS_OCI_MANIFEST)
		return rc;
	rc = cfs_oci_manifest_parse(json, &m, err);
	if (rc == 0)
		rc = m.has_subject && cfs_oci_digest_eq(&m.subject.digest, subject);
	cfs_oci_manifest_fini(&m);
	return rc;
}

/* An entry that cannot be read is another image's matter. */
static int pass_referrer(struct layout *l, const struct cfs_oci_index_entry *e,
			 const struct cfs_oci_digest *subject, cfs_referrer_fn fn,
			 void *fn_ctx, struct cfs_err *err)
{
	struct cfs_mem json = {0};
	struct cfs_err unused;
	int rc = read_blob_of(l, &e->descriptor.digest, &json, &unused);

	if (rc == 0)
		rc = has_subject(cfs_mem_text(&json), subject, &unused);
	free(json.p);
	return rc == 1 ? fn(fn_ctx, &e->descriptor, err) : 0;
}

/* Passes each manifest that refers to subject to fn. A layout has no list of
 * referrers, so each entry that may have the type is read. */
static int layout_referrers(void *ctx, const struct cfs_oci_digest *subject,
			    const char *type, cfs_referrer_fn fn, void *fn_ctx,
			    struct cfs_err *err)
{
	struct layout *l = ctx;
	struct cfs_oci_index index = {0};
	struct cfs_mem bytes = {0};
	int rc = place_read(&l->place, "index.json", CFS_OCI_MANIFEST_MAX, &bytes, err);

	if (rc == 0)
		rc = cfs_context(err,
				 cfs_oci_index_parse(cfs_mem_text(&bytes), &index, err),
				 "index.json");
	for (size_t i = 0; rc == 0 && i < index.n_entries; i++)
		if (cfs_transport_may_have_type(&index.entries[i].descriptor, type))
			rc = pass_referrer(l, &index.entries[i], subject, fn, fn_ctx,
					   err);
	cfs_oci_index_fini(&index);
	free(bytes.p);
	return rc;
}

/* --- opening ------------------------------------------------------------------------ */

int layout_check_marker(struct cfs_text marker, struct cfs_err *err)
{
	json_t *root = json_loadb(marker.s, marker.len, 0, NULL);
	const char *version =
		json_string_value(json_object_get(root, "imageLayoutVersion"));
	int rc = 0;

	if (!version || strncmp(version, "1.0.", 4) != 0)
		rc = cfs_fail(err, ENOTSUP,
			      "oci-layout: imageLayoutVersion: expected 1.0.x, got %.40s",
			      version ? version : "none");
	json_decref(root);
	return rc;
}

/* Without its file oci-layout a directory is no image layout, whatever else it has. */
static int check_layout_marker(const struct place *p, struct cfs_err *err)
{
	struct cfs_mem bytes = {0};
	int rc = place_read(p, "oci-layout", LAYOUT_MARKER_MAX, &bytes, err);

	if (rc == -ENOENT)
		rc = cfs_fail(err, ENOENT,
			      "not an OCI image layout: it has no file oci-layout");
	if (rc == 0)
		rc = layout_check_marker((struct cfs_text){(char *)bytes.p, bytes.len},
					 err);
	free(bytes.p);
	return rc;
}

/* Fills in out, which owns the layout from then on. After an error everything is
 * closed and *out is empty. */
static int open_layout(const char *spec, bool is_archive, const struct cfs_watch *watch,
		       struct cfs_transport *out, struct cfs_err *err)
{
	struct layout *l = calloc(1, sizeof(*l));
	cfs_autofree char *path = NULL;
	int rc;

	*out = (struct cfs_transport){0};
	if (!l)
		return cfs_fail(err, ENOMEM, "out of memory");
	rc = place_split(spec, &path, &l->tag, err);
	if (rc == 0)
		rc = is_archive ? place_open_archive(path, watch, &l->place, err)
				: place_open_dir(path, watch, &l->place, err);
	if (rc == 0)
		rc = cfs_context(err, check_layout_marker(&l->place, err), "%s", path);
	if (rc < 0) {
		layout_close(l);
		return rc;
	}
	*out = (struct cfs_transport){layout_document, layout_blob, layout_close, l,
				      .referrers = layout_referrers};
	return 0;
}

int cfs_transport_open_layout(const char *spec, const struct cfs_watch *watch,
			      struct cfs_transport *out, struct cfs_err *err)
{
	return open_layout(spec, false, watch, out, err);
}

int cfs_transport_open_oci_archive(const char *spec, const struct cfs_watch *watch,
				   struct cfs_transport *out, struct cfs_err *err)
{
	return open_layout(spec, true, watch, out, err);
}
