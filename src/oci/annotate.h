/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* New documents for signatures: a manifest with more annotations, and artifacts about a manifest. The
 * same input becomes the same bytes. */
#ifndef CFS_OCI_ANNOTATE_H
#define CFS_OCI_ANNOTATE_H

#include "oci/manifest.h"

/* An annotation that is set, or replaced. */
struct cfs_oci_note {
	bool is_of_config; /* of the descriptor of the configuration, else of the manifest */
	const char *key, *value;
};

/* Copies a manifest and sets annotations. -EFBIG. free(out->p) is the caller's. */
int cfs_oci_manifest_annotate(const struct cfs_oci_manifest *m,
			      const struct cfs_oci_note *notes, size_t n,
			      struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* A layer of an artifact, with one annotation. */
struct cfs_oci_annotated {
	struct cfs_oci_descriptor blob;
	const char *key, *value;
};

/* Makes the manifest of an artifact with an empty configuration. -EFBIG. free(out->p) is the
 * caller's. */
int cfs_oci_artifact_make(const char *type, const struct cfs_oci_annotated *layers,
			  size_t n, const struct cfs_oci_descriptor *subject,
			  struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The configuration of such an artifact: the bytes "{}". */
void cfs_oci_get_empty_config(struct cfs_oci_descriptor *out, struct cfs_span *bytes);

#endif
