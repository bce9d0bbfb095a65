/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Container images from a source into a repository. */
#ifndef CFS_CONTAINERS_PULL_H
#define CFS_CONTAINERS_PULL_H

#include "containers/merge.h"
#include "containers/names.h"
#include "transport/transport.h"
#include "verity/verity.h"

/* What is required of the digest of the image in the annotations of the manifest, as the
 * sealing specification of composefs has it: "composefs.merged.erofs.v1.fsverity-sha256-12". */
enum cfs_pull_seal {
	CFS_SEAL_COMPARE, /* there need be none; another digest is a warning */
	CFS_SEAL_IGNORE,
	CFS_SEAL_REQUIRE, /* none, or another digest, is an error: -ENODATA, -EILSEQ */
};

/* Starts zeroed; zero is the default. */
struct cfs_pull_opts {
	const char *tag; /* for the image in the repository; NULL: none */
	const struct cfs_oci_platform *platform; /* NULL: that of this machine */
	struct cfs_containers_merge merge;
	/* The entry of the index that the source is named for; NULL: the source itself, and
	 * of an index the image for the platform. */
	const struct cfs_oci_descriptor *entry;
	enum cfs_pull_seal seal;
	enum cfs_referrers referrers;
	/* Compute the digests of layers and objects that the repository has; else streams of
	 * layers are trusted if they are whole, and objects if they have the right size. */
	bool distrusts_present;
	/* Keep the blobs of layers as they come, so that a push sends the same bytes. -ENOTSUP: the
	 * source does not have them. */
	bool keeps_blobs;
	uint64_t
		max_layer_bytes; /* uncompressed; 0: CFS_CONTAINERS_LAYER_BYTES_DEFAULT */
	unsigned n_threads;	 /* layers at a time; 0: one for each CPU */
	/* NULL, or explains how a layer was read. Called on any thread. */
	void (*detail)(const void *ctx, const char *msg);
	const void *detail_ctx;
	const struct cfs_watch
		*watch; /* progress counts "layers" and bytes; may be NULL */
};

struct cfs_pull_result {
	struct cfs_oci_digest manifest, config;
	bool is_image; /* else an artifact, of which no image was made */
	struct cfs_digest image;
	size_t n_layers, n_present; /* n_present: the repository had them already */
	size_t n_referrers;
	uint64_t bytes_read;  /* of blobs, as they were transferred */
	uint64_t bytes_saved; /* of blobs of which only the missing files were read */
};

/* Copies an image or an artifact into the repository, which the caller opened for WRITE, and makes the image
 * of the merged layers of an image. The blobs of an artifact stay as they are. Nothing gets a name before all digests and sizes were compared:
 * manifest, configuration, each blob as transferred, each layer uncompressed. What was stored
 * before a failure has no references, and the next garbage collection removes it; layers that
 * were complete are used again by the next pull. A layer of the repository that is damaged is
 * read again, with a warning.
 * -EILSEQ: a digest or size is another one; -EINVAL: a document or an archive is refused;
 * -ENOENT: no manifest for the platform; -EFBIG: a limit; else as the source and the store. */
int cfs_containers_pull(struct cfs_repo *repo, const struct cfs_transport *from,
			const struct cfs_pull_opts *opts, struct cfs_pull_result *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* A container image of another repository as a source. Both must outlive *out. Errors as
 * cfs_container_open. */
int cfs_containers_open_source(const struct cfs_repo *repo, const char *name,
			       const struct cfs_watch *watch, struct cfs_transport *out,
			       struct cfs_err *err) CFS_MUST_CHECK;

#endif
