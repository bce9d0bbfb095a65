/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where container images go to. */
#ifndef CFS_TRANSPORT_DESTINATION_H
#define CFS_TRANSPORT_DESTINATION_H

#include "oci/oci.h"

struct cfs_registry_access;

struct cfs_destination {
	/* Stores a blob, unless the destination has it: then *is_present is set. fd: a
	 * regular file with exactly the bytes of d; its offset is not used. Called on any
	 * thread; several blobs may be on their way at once. */
	int (*put_blob)(void *ctx, int fd, const struct cfs_oci_descriptor *d,
			bool *is_present, struct cfs_err *err);
	/* Stores a manifest or an index, whose blobs are stored, and gives it the tag that the user
	 * named. */
	int (*put_manifest)(void *ctx, struct cfs_span json,
			    const struct cfs_oci_descriptor *d, struct cfs_err *err);
	/* Stores a manifest, whose blobs are stored, without a tag: an index that follows names
	 * it. NULL: the destination takes one image. */
	int (*put_entry)(void *ctx, struct cfs_span json,
			 const struct cfs_oci_descriptor *d, struct cfs_err *err);
	void (*close)(void *ctx);
	void *ctx;
	/* put_blob is to be called for one blob after another, the layers in the order of the
	 * manifest: the order decides the bytes of an archive. */
	bool is_in_order;
	bool has_plain_layers; /* layers are to come uncompressed */
	bool takes_docker;     /* manifests of docker, not of OCI alone */
	/* Has the destination take a blob from its repository "from", which is on the same host,
	 * without sending it. 1: it has the blob now, or had it; 0: it does not. Any thread.
	 * NULL: it has no other repositories. */
	int (*mount_blob)(void *ctx, const struct cfs_oci_descriptor *d, const char *from,
			  struct cfs_err *err);
	const char *
		host; /* of a registry, as references name it; NULL: none, or another one */
	/* Stores a manifest that refers to another one, without a tag, and has it listed with
	 * its subject. d: with the artifact type and the annotations to be listed. NULL: not
	 * possible there. */
	int (*put_referrer)(void *ctx, struct cfs_span json,
			    const struct cfs_oci_descriptor *d,
			    const struct cfs_oci_digest *subject, struct cfs_err *err);
};

/* Releases the destination; what was not finished is dropped. A zeroed one is valid. */
void cfs_destination_close(struct cfs_destination *d);

/* "DIR[:TAG]": an OCI image layout, which is created if DIR is absent or empty. Files are
 * written under a temporary name or none, and index.json is the last one. An image with the
 * same tag loses its entry in index.json. -ENOTEMPTY: DIR has files, but is not a layout. watch
 * may be NULL. */
int cfs_destination_open_layout(const char *spec, const struct cfs_watch *watch,
				struct cfs_destination *out,
				struct cfs_err *err) CFS_MUST_CHECK;

/* "FILE[:TAG]": the same in a tar archive. FILE is written under a temporary name or none, and
 * replaced. watch may be NULL. */
int cfs_destination_open_oci_archive(const char *spec, const struct cfs_watch *watch,
				     struct cfs_destination *out,
				     struct cfs_err *err) CFS_MUST_CHECK;

/* "FILE[:REFERENCE]": what "docker load" and "podman load" read. FILE is replaced in the same way.
 * REFERENCE: the name that the image gets there. watch may be NULL. */
int cfs_destination_open_docker_archive(const char *spec, const struct cfs_watch *watch,
					struct cfs_destination *out,
					struct cfs_err *err) CFS_MUST_CHECK;

/* "[docker://]HOST[:PORT]/NAME[:TAG]"; of registries.conf, "blocked" and "insecure" apply. -EINVAL:
 * no host, or a digest, which nothing can be sent to. */
int cfs_destination_open_registry(const char *reference,
				  const struct cfs_registry_access *access,
				  const struct cfs_watch *watch,
				  struct cfs_destination *out,
				  struct cfs_err *err) CFS_MUST_CHECK;

#endif
