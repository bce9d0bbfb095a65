/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Artifacts of a repository, such as signatures and SBOMs: manifests that are none of an image, and
 * their blobs. One with a subject has the reference "oci-referrers/SUBJECT/ARTIFACT", one that was pulled
 * by its own name a tag. composefs-rs uses the same names. */
#ifndef CFS_CONTAINERS_ARTIFACT_H
#define CFS_CONTAINERS_ARTIFACT_H

#include "containers/container.h"
#include "containers/layer_write.h"

struct cfs_artifact {
	struct cfs_oci_digest digest; /* of the manifest */
	struct cfs_mem json;
	struct cfs_oci_manifest manifest;
};

/* Opens an artifact by the digest of its manifest, and checks its bytes against it. Close it, also
 * after an error. */
int cfs_artifact_open(const struct cfs_repo *repo, const struct cfs_oci_digest *digest,
		      struct cfs_artifact *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_artifact_close(struct cfs_artifact *a);

/* Opens the configuration or a layer of an artifact. Returns a descriptor of a regular file with
 * exactly its bytes, of which size and digest were compared. */
int cfs_artifact_open_blob(const struct cfs_repo *repo,
			   const struct cfs_oci_descriptor *d, bool is_config,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* Opens the blob of a layer of an image that a pull kept, in the same way. -ENOENT: it was not. */
int cfs_containers_open_kept(const struct cfs_repo *repo,
			     const struct cfs_oci_descriptor *d,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Calls fn for each artifact of the repository that has this subject, in the order of their
 * digests. One that cannot be opened is an error. */
int cfs_artifact_list(const struct cfs_repo *repo, const struct cfs_oci_digest *subject,
		      int (*fn)(void *ctx, const struct cfs_artifact *a,
				struct cfs_err *err),
		      void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds a blob to the store as a stream. -EILSEQ: another size or digest. */
int cfs_artifact_write_blob(struct cfs_feed from, const struct cfs_oci_descriptor *d,
			    bool is_config, const struct cfs_containers_layer_opts *opts,
			    struct cfs_digest *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Adds the manifest, commits the store, and gives all of it their names. streams: those of the
 * configuration and then of each layer. tag: its reference; NULL: that of a referrer of its subject.
 * -EINVAL: it has neither. */
int cfs_artifact_publish(struct cfs_repo *repo,
			 const struct cfs_containers_layer_opts *opts,
			 const struct cfs_artifact *a, const struct cfs_digest *streams,
			 const char *tag, struct cfs_err *err) CFS_MUST_CHECK;

/* The reference of an artifact, and a NUL; returns out. */
enum { CFS_ARTIFACT_REF_MAX = 16 + 2 * CFS_OCI_DIGEST_TEXT_MAX };
const char *cfs_artifact_format_ref(const struct cfs_oci_digest *subject,
				    const struct cfs_oci_digest *artifact,
				    char out[CFS_ARTIFACT_REF_MAX]);

#endif
