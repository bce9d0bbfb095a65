/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Documents that are made of others: a manifest with other blobs, an index with one more entry. The
 * same input becomes the same bytes. */
#ifndef CFS_OCI_WRITE_H
#define CFS_OCI_WRITE_H

#include "oci/index.h"

/* Makes a manifest for layers that were compressed anew: layers has m->n_layers descriptors, of
 * which media_type, digest and size are used. Types are those of OCI, also for a manifest of
 * docker. Everything else stays, but not what annotations say about the bytes of the former blobs
 * (zstd:chunked, eStargz), nor URLs to them. -EFBIG. free(out->p) is the caller's. */
int cfs_oci_manifest_repack(const struct cfs_oci_manifest *m,
			    const struct cfs_oci_descriptor *layers, struct cfs_mem *out,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Makes an index with other manifests: sent has index->n_entries descriptors, of which media_type,
 * digest and size are used; an entry whose media_type is NULL is left out. Everything else stays.
 * The index gets the type of OCI. -EFBIG. free(out->p) is the caller's. */
int cfs_oci_index_repack(const struct cfs_oci_index *index,
			 const struct cfs_oci_descriptor *sent, struct cfs_mem *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Adds an entry to an index; json: empty for a new one. An entry with the same tag is removed, and
 * without a tag (NULL) one with the same digest and no tag. Other entries stay as they are.
 * -EINVAL: json is not an index. free(out->p) is the caller's. */
int cfs_oci_index_put(struct cfs_text json, const struct cfs_oci_descriptor *d,
		      const char *tag, struct cfs_mem *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

#endif
