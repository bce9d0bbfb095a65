/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Documents that are made of others. */
#include "oci/write.h"

#include <errno.h>
#include <string.h>

#include "oci/oci_priv.h"

#define REF_NAME "org.opencontainers.image.ref.name"

int oci_dump_json(json_t *root, struct cfs_mem *out, struct cfs_err *err)
{
	char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	size_t len = text ? strlen(text) : 0;

	*out = (struct cfs_mem){(uint8_t *)text, len, len};
	if (!text)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (len <= CFS_OCI_MANIFEST_MAX)
		return 0;
	free(cfs_steal(&out->p));
	return cfs_fail(err, EFBIG, "expected a document of at most %d bytes, got %zu",
			CFS_OCI_MANIFEST_MAX, len);
}

/* --- descriptors -------------------------------------------------------------------- */

/* Annotations about positions and digests within the former blob. */
static bool describes_blob(const char *key)
{
	static const char *const prefixes[] = {
		"io.github.containers.zstd-chunked.", "io.containers.zstd-chunked.",
		"containerd.io/snapshot/stargz/", "io.containers.estargz."};

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (strncmp(key, prefixes[i], strlen(prefixes[i])) == 0)
			return true;
	return false;
}

/* Copies annotations, except those that describe the compressed bytes, which are not
 * the same after another compression. */
static int set_annotations(json_t *to, const json_t *from)
{
	json_t *kept = json_object(), *value;
	const char *key;
	int rc = kept ? 0 : -1;

	json_object_foreach((json_t *)(uintptr_t)from, key, value)
	{
		if (!describes_blob(key))
			rc |= json_object_set(kept, key, value);
	}
	if (json_object_size(kept) > 0)
		rc |= json_object_set(to, "annotations", kept);
	json_decref(kept);
	return rc;
}

json_t *oci_make_descriptor(const struct cfs_oci_descriptor *d)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	json_t *out = json_object();
	int rc = json_object_set_new(out, "mediaType", json_string(d->media_type));

	rc |= json_object_set_new(out, "digest",
				  json_string(cfs_oci_digest_text(&d->digest, text)));
	rc |= json_object_set_new(out, "size", json_integer((json_int_t)d->size));
	if (d->artifact_type)
		rc |= json_object_set_new(out, "artifactType",
					  json_string(d->artifact_type));
	rc |= set_annotations(out, d->annotations);
	if (rc == 0)
		return out;
	json_decref(out);
	return NULL;
}

/* --- manifests ---------------------------------------------------------------------- */

/* Returns a new reference to layers with the annotations of m; NULL: out of memory. */
static json_t *make_manifest_layers(const struct cfs_oci_manifest *m,
				    const struct cfs_oci_descriptor *layers)
{
	json_t *list = json_array();
	int rc = list ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < m->n_layers; i++) {
		struct cfs_oci_descriptor d = layers[i];

		d.annotations = m->layers[i].annotations;
		rc = json_array_append_new(list, oci_make_descriptor(&d));
	}
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

static int set_config_type(json_t *root)
{
	json_t *config = json_copy(json_object_get(root, "config"));
	int rc = json_object_set_new(config, "mediaType",
				     json_string(CFS_OCI_TYPE_CONFIG));

	return rc | json_object_set_new(root, "config", config);
}

int cfs_oci_manifest_repack(const struct cfs_oci_manifest *m,
			    const struct cfs_oci_descriptor *layers, struct cfs_mem *out,
			    struct cfs_err *err)
{
	json_t *root = json_copy(m->root);
	int rc = json_object_set_new(root, "mediaType",
				     json_string(CFS_OCI_TYPE_MANIFEST));

	rc |= json_object_set_new(root, "layers", make_manifest_layers(m, layers));
	if (m->is_image)
		rc |= set_config_type(root);
	rc = oci_dump_json(rc == 0 ? root : NULL, out, err);
	json_decref(root);
	return rc;
}

/* --- indexes ------------------------------------------------------------------------ */

static bool is_replaced(const struct cfs_oci_index_entry *e,
			const struct cfs_oci_descriptor *d, const char *tag)
{
	const char *is = cfs_oci_find_annotation(&e->descriptor, REF_NAME);

	if (tag)
		return is && strcmp(is, tag) == 0;
	return !is && cfs_oci_digest_eq(&e->descriptor.digest, &d->digest);
}

/* Returns a new reference to the descriptor, with tag unless it is NULL. NULL: out of
 * memory. */
static json_t *make_index_entry(const struct cfs_oci_descriptor *d, const char *tag)
{
	json_t *entry = oci_make_descriptor(d);
	int rc = entry ? 0 : -1;

	if (tag)
		rc |= json_object_set_new(entry, "annotations",
					  json_pack("{s:s}", REF_NAME, tag));
	if (rc == 0)
		return entry;
	json_decref(entry);
	return NULL;
}

/* Writes the index to out with the entry of d added, in place of those with the same
 * tag or digest. -EFBIG at the limit of entries that a reader accepts. */
static int put_index_entry(struct cfs_oci_index *index,
			   const struct cfs_oci_descriptor *d, const char *tag,
			   struct cfs_mem *out, struct cfs_err *err)
{
	json_t *old = json_object_get(index->root, "manifests"), *list = json_array();
	int rc = list ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < index->n_entries; i++)
		if (!is_replaced(&index->entries[i], d, tag))
			rc = json_array_append(list, json_array_get(old, i));
	if (rc == 0 && json_array_size(list) >= CFS_OCI_LAYERS_MAX) {
		json_decref(list);
		return cfs_fail(err, EFBIG, "expected less than %d entries",
				CFS_OCI_LAYERS_MAX);
	}
	rc |= json_array_append_new(list, make_index_entry(d, tag));
	/* The entries borrow from the former list, which is not used any more. */
	rc |= json_object_set_new(index->root, "manifests", list);
	return oci_dump_json(rc == 0 ? index->root : NULL, out, err);
}

int cfs_oci_index_put(struct cfs_text json, const struct cfs_oci_descriptor *d,
		      const char *tag, struct cfs_mem *out, struct cfs_err *err)
{
	static const char empty[] = "{\"schemaVersion\":2,\"mediaType\":"
				    "\"" CFS_OCI_TYPE_INDEX "\",\"manifests\":[]}";
	struct cfs_oci_index index;
	int rc = cfs_oci_index_parse(json.len ? json : CFS_TEXT(empty), &index, err);

	*out = (struct cfs_mem){0};
	if (rc == 0)
		rc = put_index_entry(&index, d, tag, out, err);
	cfs_oci_index_fini(&index);
	return rc;
}

/* Returns a new reference to the entry with another manifest; NULL: out of memory. */
static json_t *repack_entry(const json_t *entry, const struct cfs_oci_descriptor *d)
{
	char text[CFS_OCI_DIGEST_TEXT_MAX];
	json_t *copy = json_copy((json_t *)(uintptr_t)entry);
	int rc = json_object_set_new(copy, "mediaType", json_string(d->media_type));

	rc |= json_object_set_new(copy, "digest",
				  json_string(cfs_oci_digest_text(&d->digest, text)));
	rc |= json_object_set_new(copy, "size", json_integer((json_int_t)d->size));
	if (rc == 0)
		return copy;
	json_decref(copy);
	return NULL;
}

int cfs_oci_index_repack(const struct cfs_oci_index *index,
			 const struct cfs_oci_descriptor *sent, struct cfs_mem *out,
			 struct cfs_err *err)
{
	json_t *root = json_copy(index->root), *list = json_array();
	const json_t *old = json_object_get(index->root, "manifests");
	int rc = json_object_set_new(root, "mediaType", json_string(CFS_OCI_TYPE_INDEX));

	for (size_t i = 0; rc == 0 && i < index->n_entries; i++)
		if (sent[i].media_type)
			rc = json_array_append_new(
				list, repack_entry(json_array_get(old, i), &sent[i]));
	rc |= json_object_set_new(root, "manifests", list);
	rc = oci_dump_json(rc == 0 ? root : NULL, out, err);
	json_decref(root);
	return rc;
}
