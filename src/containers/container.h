/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Container images of a repository: their documents, the images made of them, their tags. */
#ifndef CFS_CONTAINERS_CONTAINER_H
#define CFS_CONTAINERS_CONTAINER_H

#include "containers/names.h"
#include "stream/stream.h"
#include "verity/verity.h"

struct cfs_repo;

/* A container image that was opened. */
struct cfs_container {
	struct cfs_oci_digest digest; /* of the manifest */
	struct cfs_digest manifest_stream, config_stream;
	struct cfs_mem manifest_json, config_json;
	struct cfs_oci_manifest manifest;
	struct cfs_oci_config config; /* of an image; else zero */
	/* The images in the repository that were made of it. */
	bool has_image, has_boot_image;
	struct cfs_digest image, boot_image; /* of the format of the repository */
};

/* Opens a container image by its tag, or by "@sha256:HEX", the digest of its manifest, of
 * which 8 or more digits are enough. Without "@", a digest is one unless a tag has that name.
 * Of an index, the image for this machine. The documents are checked against their digests.
 * -ENOENT: there is none; -ENOTUNIQ: the digits fit several; -EUCLEAN: a stream is damaged.
 * Close it, also after an error, with cfs_container_close. */
int cfs_container_open(const struct cfs_repo *repo, const char *name,
		       struct cfs_container *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_container_close(struct cfs_container *c);

/* The same for another platform; NULL: that of this machine. It counts only for the tag of an
 * index. -ENOENT: the index has none for the platform. */
int cfs_container_open_platform(const struct cfs_repo *repo, const char *name,
				const struct cfs_oci_platform *platform,
				struct cfs_container *out,
				struct cfs_err *err) CFS_MUST_CHECK;

/* Whether a name is a tag, not a digest: 1, 0 or -errno. */
int cfs_containers_has_tag(const struct cfs_repo *repo, const char *name,
			   struct cfs_err *err) CFS_MUST_CHECK;

/* The diff_id of a layer: complete, or shortened to 8 or more digits, with or without
 * "sha256:". A complete one is not looked up. -EINVAL: neither; -ENOENT; -ENOTUNIQ. */
int cfs_containers_find_layer(const struct cfs_repo *repo, const char *diff_id,
			      struct cfs_oci_digest *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* Reads a document, as cfs_containers_write_document kept it. type: that of the stream. max:
 * bytes. free(out->p) is the caller's. stream: its object; may be NULL. */
int cfs_containers_read_document(const struct cfs_repo *repo, const char *name,
				 const char *type, size_t max, struct cfs_mem *out,
				 struct cfs_digest *stream,
				 struct cfs_err *err) CFS_MUST_CHECK;

/* Calls fn for each named reference of the stream of a configuration: its layers and the images made of it. -ENOENT: the
 * repository does not have the configuration; else as fn. */
int cfs_containers_visit_config_names(const struct cfs_repo *repo,
				      const struct cfs_oci_digest *config,
				      cfs_stream_name_fn fn, void *ctx,
				      struct cfs_err *err) CFS_MUST_CHECK;

/* The key of a named reference from a configuration to an image that was made of it. The
 * format is that of the image, 0 to 2. Static. */
const char *cfs_containers_get_image_key(unsigned format, bool bootable);

#endif
