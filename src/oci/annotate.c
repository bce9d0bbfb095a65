/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Manifests with more annotations, and manifests of artifacts. */
#include "oci/annotate.h"

#include <errno.h>

#include "oci/oci_priv.h"

/* --- annotations of a manifest ------------------------------------------------------ */

/* The annotations of an object, which get a place there if it has none. NULL: out of memory. */
static json_t *get_annotations(json_t *of)
{
	json_t *found = json_object_get(of, "annotations");

	if (json_is_object(found))
		return found;
	return json_object_set_new(of, "annotations", json_object()) == 0
		       ? json_object_get(of, "annotations")
		       : NULL;
}

int cfs_oci_manifest_annotate(const struct cfs_oci_manifest *m,
			      const struct cfs_oci_note *notes, size_t n,
			      struct cfs_mem *out, struct cfs_err *err)
{
	json_t *root = json_deep_copy(m->root);
	int rc = root ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		json_t *of =
			notes[i].is_of_config ? json_object_get(root, "config") : root;

		rc = json_object_set_new(get_annotations(of), notes[i].key,
					 json_string(notes[i].value));
	}
	rc = oci_dump_json(rc == 0 ? root : NULL, out, err);
	json_decref(root);
	return rc;
}

/* --- artifacts ---------------------------------------------------------------------- */

/* Returns a new reference; NULL: out of memory. */
static json_t *make_layer(const struct cfs_oci_annotated *layer)
{
	json_t *out = oci_make_descriptor(&layer->blob);

	if (out && json_object_set_new(out, "annotations",
				       json_pack("{s:s}", layer->key, layer->value)) == 0)
		return out;
	json_decref(out);
	return NULL;
}

/* Returns a new reference; NULL: out of memory. */
static json_t *make_annotated_layers(const struct cfs_oci_annotated *layers, size_t n)
{
	json_t *list = json_array();
	int rc = list ? 0 : -1;

	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = json_array_append_new(list, make_layer(&layers[i]));
	if (rc == 0)
		return list;
	json_decref(list);
	return NULL;
}

void cfs_oci_get_empty_config(struct cfs_oci_descriptor *out, struct cfs_span *bytes)
{
	*bytes = cfs_text_span(CFS_TEXT("{}"));
	*out = (struct cfs_oci_descriptor){.media_type = CFS_OCI_TYPE_EMPTY,
					   .size = bytes->len};
	cfs_oci_digest_of(CFS_SHA256, *bytes, &out->digest);
}

int cfs_oci_artifact_make(const char *type, const struct cfs_oci_annotated *layers,
			  size_t n, const struct cfs_oci_descriptor *subject,
			  struct cfs_mem *out, struct cfs_err *err)
{
	json_t *root = json_pack("{s:i, s:s, s:s}", "schemaVersion", 2, "mediaType",
				 CFS_OCI_TYPE_MANIFEST, "artifactType", type);
	struct cfs_oci_descriptor config;
	struct cfs_span bytes;
	int rc;

	cfs_oci_get_empty_config(&config, &bytes);
	rc = json_object_set_new(root, "config", oci_make_descriptor(&config));
	rc |= json_object_set_new(root, "layers", make_annotated_layers(layers, n));
	rc |= json_object_set_new(root, "subject", oci_make_descriptor(subject));
	rc = oci_dump_json(rc == 0 ? root : NULL, out, err);
	json_decref(root);
	return rc;
}
