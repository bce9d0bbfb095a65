/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The names of container images and their parts in a repository: split streams
 * "oci-manifest-DIGEST", "oci-config-DIGEST", "oci-layer-DIFF_ID", "oci-blob-DIGEST", "oci-index-DIGEST", and the
 * references "oci/TAG" to manifests and indexes. composefs-rs uses the same names. */
#ifndef CFS_CONTAINERS_NAMES_H
#define CFS_CONTAINERS_NAMES_H

#include "oci/oci.h"

struct cfs_repo_list;

#define CFS_CONTAINERS_INDEX	     "index"
#define CFS_CONTAINERS_MANIFEST	     "manifest"
#define CFS_CONTAINERS_CONFIG	     "config"
#define CFS_CONTAINERS_LAYER	     "layer"
#define CFS_CONTAINERS_BLOB	     "blob"
#define CFS_CONTAINERS_TYPE_INDEX    "ociindx" /* content types of split streams */
#define CFS_CONTAINERS_TYPE_MANIFEST "ocimanif"
#define CFS_CONTAINERS_TYPE_CONFIG   "ociconfg"
#define CFS_CONTAINERS_TYPE_LAYER    "ocilayer"
#define CFS_CONTAINERS_TYPE_BLOB     "oci_blob"

/* The artifact type of signatures of container images: seal.h. */
#define CFS_CONTAINERS_TYPE_SEAL "application/vnd.composefs.metadata.v1"

/* Which artifacts are pulled or pushed along with an image whose manifest is their subject. */
enum cfs_referrers {
	CFS_REFERRERS_SEALS, /* signatures: CFS_CONTAINERS_TYPE_SEAL */
	CFS_REFERRERS_ALL,   /* a failure is an error then, else a warning */
	CFS_REFERRERS_NONE,
};

enum {
	CFS_CONTAINERS_STREAM_MAX = 16 + CFS_OCI_DIGEST_TEXT_MAX,
	CFS_CONTAINERS_REF_MAX = 4 + 256, /* "oci/" and an encoded tag */
	CFS_CONTAINERS_TAG_MAX = 256,	  /* a tag is at most 255 bytes long */
};

/* "oci-KIND-DIGEST" and a NUL; returns out. */
const char *cfs_containers_format_stream_name(const char *kind,
					      const struct cfs_oci_digest *digest,
					      char out[CFS_CONTAINERS_STREAM_MAX]);

/* The digest of a name "oci-KIND-DIGEST". False: it is not one. */
bool cfs_containers_parse_stream(const char *kind, const char *name,
				 struct cfs_oci_digest *out);

/* The reference of a tag, "oci/" and the tag with "%" and "/" encoded. A tag is any text such
 * as "registry.example/debian:12". -EINVAL: it is empty, ".", "..", begins with "@" (which
 * stands for digests), has control characters, or is longer than 255 bytes when encoded. */
int cfs_containers_format_ref(const char *tag, char out[CFS_CONTAINERS_REF_MAX],
			      struct cfs_err *err) CFS_MUST_CHECK;

/* The tag of a reference. False: it is none of a container image. */
bool cfs_containers_parse_tag(const char *ref, char out[CFS_CONTAINERS_TAG_MAX]);

/* Calls fn for the tag of each reference (CFS_REPO_STREAMS) that has one, in the order of the
 * list, until fn returns a negative number, which is returned. */
int cfs_containers_visit_tags(const struct cfs_repo_list *refs,
			      int (*fn)(void *ctx, const char *tag, struct cfs_err *err),
			      void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

#endif
