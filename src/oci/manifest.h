/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Descriptors, and manifests of images and artifacts. */
#ifndef CFS_OCI_MANIFEST_H
#define CFS_OCI_MANIFEST_H

#include "oci/digest.h"

struct json_t;

enum {
	CFS_OCI_MANIFEST_MAX = 4 << 20, /* bytes of a manifest or an index */
	CFS_OCI_CONFIG_MAX = 16 << 20,	/* bytes of an image configuration */
	CFS_OCI_VALUES_MAX = 250000,	/* of JSON in a document: 60 MB of memory */
	CFS_OCI_LAYERS_MAX = 1024,	/* layers of a manifest, entries of an index */
};

#define CFS_OCI_TYPE_INDEX	 "application/vnd.oci.image.index.v1+json"
#define CFS_OCI_TYPE_MANIFEST	 "application/vnd.oci.image.manifest.v1+json"
#define CFS_OCI_TYPE_CONFIG	 "application/vnd.oci.image.config.v1+json"
#define CFS_OCI_TYPE_EMPTY	 "application/vnd.oci.empty.v1+json"
#define CFS_OCI_TYPE_TAR	 "application/vnd.oci.image.layer.v1.tar"
#define CFS_DOCKER_TYPE_LIST	 "application/vnd.docker.distribution.manifest.list.v2+json"
#define CFS_DOCKER_TYPE_MANIFEST "application/vnd.docker.distribution.manifest.v2+json"
#define CFS_DOCKER_TYPE_CONFIG	 "application/vnd.docker.container.image.v1+json"

/* How the bytes of a layer are packed, as its media type says. */
enum cfs_oci_packing {
	CFS_OCI_NO_TAR, /* not a layer of files */
	CFS_OCI_TAR,
	CFS_OCI_TAR_GZIP,
	CFS_OCI_TAR_ZSTD,
};

/* Refers to a blob. Borrowed from its document. */
struct cfs_oci_descriptor {
	const char *media_type;
	struct cfs_oci_digest digest;
	uint64_t size;
	const char *artifact_type;	  /* NULL: none */
	const struct json_t *annotations; /* NULL: none */
};

/* Bytes of a blob. */
struct cfs_oci_range {
	uint64_t off, len; /* len > 0 */
};

/* The value of an annotation; NULL: there is none. */
const char *cfs_oci_find_annotation(const struct cfs_oci_descriptor *d, const char *key);

/* The form of a layer by its media type; CFS_OCI_NO_TAR for others. */
enum cfs_oci_packing cfs_oci_find_packing(const char *media_type);

/* Bytes of a blob that the descriptor names. -EILSEQ: another size or digest. */
int cfs_oci_check_blob(const struct cfs_oci_descriptor *d, struct cfs_span bytes,
		       struct cfs_err *err) CFS_MUST_CHECK;

enum cfs_oci_kind { CFS_OCI_MANIFEST, CFS_OCI_INDEX };

/* Whether a document is a manifest or an index. content_type: as the registry or the
 * descriptor has it, or NULL; it must agree with the document. -ENOTSUP: a schema 1 manifest
 * of docker, or another version. */
int cfs_oci_find_kind(struct cfs_text json, const char *content_type,
		      enum cfs_oci_kind *out, struct cfs_err *err) CFS_MUST_CHECK;

struct cfs_oci_manifest {
	struct json_t *root;	   /* owns all strings */
	const char *media_type;	   /* from the document; NULL: it has none */
	const char *artifact_type; /* NULL: none */
	bool is_image;		   /* its configuration is that of an image */
	struct cfs_oci_descriptor config;
	struct cfs_oci_descriptor *layers; /* lowest first */
	size_t n_layers;
	bool has_subject;
	struct cfs_oci_descriptor subject;
	const struct json_t *annotations; /* NULL: none */
};

/* Free it with cfs_oci_manifest_fini, also after an error. */
int cfs_oci_manifest_parse(struct cfs_text json, struct cfs_oci_manifest *out,
			   struct cfs_err *err) CFS_MUST_CHECK;
void cfs_oci_manifest_fini(struct cfs_oci_manifest *m);

#endif
