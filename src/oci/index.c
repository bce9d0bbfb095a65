/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Image indexes: parsed, and searched by digest. */
#include "oci/index.h"

#include <errno.h>
#include <string.h>

#include "oci/oci_priv.h"

/* Reads for which platform a manifest is. Entries without one are artifacts, such as
 * attestations. */
static int parse_index_platform(const json_t *from, struct cfs_oci_index_entry *out,
				struct cfs_err *err)
{
	json_t *platform;
	int rc = oci_get(from, "platform", JSON_OBJECT, &platform, err);

	out->has_platform = rc == 0 && platform;
	if (!out->has_platform)
		return rc;
	rc = oci_get_text(platform, "os", &out->platform.os, err);
	if (rc == 0)
		rc = oci_get_text(platform, "architecture", &out->platform.architecture,
				  err);
	if (rc == 0)
		rc = oci_get_text(platform, "variant", &out->platform.variant, err);
	if (rc == 0 && (!out->platform.os || !out->platform.architecture))
		rc = cfs_fail(err, EINVAL, "platform: expected os and architecture");
	return rc;
}

/* Builders attach provenance as manifests of the platform unknown/unknown. */
static bool is_attestation(const struct cfs_oci_index_entry *e)
{
	if (cfs_oci_find_annotation(&e->descriptor, "vnd.docker.reference.type"))
		return true;
	return e->has_platform && strcmp(e->platform.os, "unknown") == 0;
}

static int parse_index_entry(const json_t *from, struct cfs_oci_index_entry *out,
			     struct cfs_err *err)
{
	int rc = oci_parse_descriptor(from, &out->descriptor, err);

	if (rc == 0)
		rc = parse_index_platform(from, out, err);
	if (rc == 0)
		out->is_attestation = is_attestation(out);
	return rc;
}

/* Allocates index->entries, which borrow from index->root. n_entries counts the entry
 * that failed too, so that the owner frees every one. */
static int parse_entries(struct cfs_oci_index *index, struct cfs_err *err)
{
	json_t *list;
	int rc = oci_get_list(index->root, "manifests", JSON_OBJECT, &list, err);
	size_t n = rc == 0 ? json_array_size(list) : 0;

	if (rc < 0)
		return rc;
	index->entries = calloc(n ? n : 1, sizeof(*index->entries));
	if (!index->entries)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = cfs_context(err,
				 parse_index_entry(json_array_get(list, i),
						   &index->entries[i], err),
				 "manifest %zu", i);
		index->n_entries = i + 1;
	}
	return rc;
}

int cfs_oci_index_parse(struct cfs_text json, struct cfs_oci_index *out,
			struct cfs_err *err)
{
	enum cfs_oci_kind kind;
	int rc;

	*out = (struct cfs_oci_index){0};
	rc = cfs_oci_find_kind(json, NULL, &kind, err);
	if (rc == 0 && kind != CFS_OCI_INDEX)
		return cfs_fail(err, EINVAL, "expected an index, got a manifest");
	if (rc == 0)
		rc = oci_load_object(json, CFS_OCI_MANIFEST_MAX, &out->root, err);
	if (rc == 0)
		rc = oci_get_text(out->root, "mediaType", &out->media_type, err);
	return rc < 0 ? rc : parse_entries(out, err);
}

void cfs_oci_index_fini(struct cfs_oci_index *index)
{
	free(index->entries);
	json_decref(index->root);
	*index = (struct cfs_oci_index){0};
}

int cfs_oci_index_find(const struct cfs_oci_index *index,
		       const struct cfs_oci_digest *digest, size_t *out,
		       struct cfs_err *err)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];

	for (size_t i = 0; i < index->n_entries; i++)
		if (cfs_oci_digest_eq(&index->entries[i].descriptor.digest, digest)) {
			*out = i;
			return 0;
		}
	return cfs_fail(err, ENOENT, "the index has no manifest %s",
			cfs_oci_digest_text(digest, text));
}
