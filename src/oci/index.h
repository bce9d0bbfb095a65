/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Image indexes: manifests for several platforms, and the choice of one. */
#ifndef CFS_OCI_INDEX_H
#define CFS_OCI_INDEX_H

#include "oci/manifest.h"

/* Go's names: "linux", "amd64". variant: NULL or "" for none. */
struct cfs_oci_platform {
	const char *os, *architecture, *variant;
};

enum { CFS_OCI_INDEX_DEPTH_MAX = 3 }; /* indexes within indexes */

struct cfs_oci_index_entry {
	struct cfs_oci_descriptor descriptor;
	bool has_platform;
	struct cfs_oci_platform platform; /* borrowed from the index */
	bool is_attestation; /* describes another entry; never chosen for a platform */
};

struct cfs_oci_index {
	struct json_t *root;	/* owns all strings */
	const char *media_type; /* from the document; NULL: it has none */
	struct cfs_oci_index_entry *entries;
	size_t n_entries;
};

/* Free it with cfs_oci_index_fini, also after an error. */
int cfs_oci_index_parse(struct cfs_text json, struct cfs_oci_index *out,
			struct cfs_err *err) CFS_MUST_CHECK;
void cfs_oci_index_fini(struct cfs_oci_index *index);

/* Parses "OS/ARCHITECTURE[/VARIANT]". The platform borrows from buf, which receives a copy. */
enum { CFS_OCI_PLATFORM_MAX = 128 };
int cfs_oci_platform_parse(const char *text, char buf[CFS_OCI_PLATFORM_MAX],
			   struct cfs_oci_platform *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The platform of this machine. Static strings. amd64 has the highest level that the CPU
 * supports as its variant: "v1" to "v4". */
void cfs_oci_platform_detect(struct cfs_oci_platform *out);

/* Chooses the manifest for a platform. A wanted variant that no entry has falls back to
 * lower ones; arm means v7, arm64 means v8. Of several for one platform the first one is
 * taken, but one that is annotated as zstd:chunked before others. A single entry without a
 * platform, an index perhaps, fits every platform.
 * -ENOENT: none; the message lists what exists. */
int cfs_oci_index_select(const struct cfs_oci_index *index,
			 const struct cfs_oci_platform *wanted, size_t *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Finds an entry by its digest; -ENOENT. */
int cfs_oci_index_find(const struct cfs_oci_index *index,
		       const struct cfs_oci_digest *digest, size_t *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

#endif
