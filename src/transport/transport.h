/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* transport: where container images come from, and go to (destination.h).
 * Owns:  names of sources ("oci:DIR:TAG"), OCI image layouts on disk, the helper for registries.
 * Uses:  base, hash, tar, oci, registry, storage.
 * Never: trusts a digest, a size or a media type: the reader of a blob checks them (cfs_oci_check_blob,
 *        src/containers). Local sources belong to anyone: they are opened beneath their directory,
 *        links are not followed, and only regular files are opened.
 */
#ifndef CFS_TRANSPORT_H
#define CFS_TRANSPORT_H

#include "oci/oci.h"
#include "transport/destination.h"

/* A blob that is being read. */
struct cfs_blob {
	struct cfs_feed feed;
	void (*close)(void *ctx); /* of the feed */
	/* NULL, or for a layer of files on a disk: opens the file at the path of an entry, which
	 * probably has its content. A negative errno: it cannot be opened. Between two calls of
	 * the feed. */
	int (*open_file)(void *ctx, struct cfs_text path);
};

/* A document, and what its source says that it is. */
struct cfs_transport_document {
	struct cfs_mem bytes; /* free(bytes.p) is the caller's */
	char media_type[128]; /* "" if the source does not say */
};

/* Receives a manifest that refers to another one as its subject. Borrowed until it returns. */
typedef int (*cfs_referrer_fn)(void *ctx, const struct cfs_oci_descriptor *d,
			       struct cfs_err *err);

enum {
	CFS_REFERRERS_MAX = 1024,     /* of one subject */
	CFS_REFERRER_PAGES_MAX = 128, /* that a registry lists them on */
};
enum { CFS_TRANSPORT_RANGES_MAX = 1024 };

struct cfs_transport {
	/* Reads the manifest or index that the user named, or that of a digest if it is not
	 * NULL; at most CFS_OCI_MANIFEST_MAX bytes. */
	int (*document)(void *ctx, const struct cfs_oci_digest *digest,
			struct cfs_transport_document *out, struct cfs_err *err);
	/* Opens a blob of the image. -ENOENT: the source does not have it. Called on any
	 * thread; several blobs may be open at once. */
	int (*blob)(void *ctx, const struct cfs_oci_descriptor *d, struct cfs_blob *out,
		    struct cfs_err *err);
	void (*close)(void *ctx);
	void *ctx;
	/* Where the document came from, HOST/NAME: a mirror perhaps. NULL: as the source was
	 * named. */
	const char *(*origin)(const void *ctx);
	/* Layers come uncompressed, whatever their descriptors say: size and digest of the blob
	 * cannot be compared, and the diff_id alone decides. */
	bool has_plain_layers;
	/* Calls fn for each manifest whose subject is this one. type: only those of this
	 * artifact type; NULL: all. One whose type the source does not know is among them.
	 * Nothing is verified: that the subject is this one is to be seen in the manifest.
	 * NULL: the source has no such manifests. */
	int (*referrers)(void *ctx, const struct cfs_oci_digest *subject,
			 const char *type, cfs_referrer_fn fn, void *fn_ctx,
			 struct cfs_err *err);
	/* Opens ranges of a blob, in ascending order: their bytes, one after the other. NULL: the
	 * source has no ranges. At most CFS_TRANSPORT_RANGES_MAX. Otherwise as blob. An error can
	 * mean that this source cannot send ranges: then the whole blob may be read. */
	int (*ranges)(void *ctx, const struct cfs_oci_descriptor *d,
		      const struct cfs_oci_range *ranges, size_t n, struct cfs_blob *out,
		      struct cfs_err *err);
};

/* Whether a manifest that is listed as a referrer can have this artifact type; NULL: any. */
bool cfs_transport_may_have_type(const struct cfs_oci_descriptor *d, const char *type);

/* Releases the source, and zeroes it. A zeroed one is valid. */
void cfs_transport_close(struct cfs_transport *t);

/* Reads a small blob, such as a configuration, into memory and checks it against its
 * descriptor. max: bytes; -EFBIG beyond that. free(out->p) is the caller's. */
int cfs_transport_read(const struct cfs_transport *t, const struct cfs_oci_descriptor *d,
		       size_t max, struct cfs_mem *out,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* "oci:DIR[:TAG]": an OCI image layout. spec: "DIR[:TAG]". Without a tag it has one image,
 * or one for each of several platforms. watch may be NULL. */
int cfs_transport_open_layout(const char *spec, const struct cfs_watch *watch,
			      struct cfs_transport *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* "oci-archive:FILE[:TAG]": the same in a tar archive, which is not compressed. */
int cfs_transport_open_oci_archive(const char *spec, const struct cfs_watch *watch,
				   struct cfs_transport *out,
				   struct cfs_err *err) CFS_MUST_CHECK;

/* "docker-archive:FILE[:REFERENCE | :@N]": what "docker save" writes. REFERENCE: one of the names
 * in the archive; N: the number of the image, from 0. The manifest is made here: its layers are
 * the members of the archive. */
int cfs_transport_open_docker_archive(const char *spec, const struct cfs_watch *watch,
				      struct cfs_transport *out,
				      struct cfs_err *err) CFS_MUST_CHECK;

/* "containers-storage:[[DRIVER@]ROOT]NAME": an image in the local store of podman, buildah and
 * others, see storage/storage.h. */
int cfs_transport_open_containers_storage(const char *spec, const struct cfs_watch *watch,
					  struct cfs_transport *out,
					  struct cfs_err *err) CFS_MUST_CHECK;

/* How a registry is reached. Starts zeroed. */
struct cfs_registry_access {
	bool insecure;		 /* plain HTTP, and certificates are not checked */
	const char *credentials; /* USER:PASSWORD; NULL: those in the files of the user */
};

/* "[docker://]HOST[:PORT]/NAME[:TAG][@DIGEST]": an image in a registry, or a short name that
 * registries.conf has an alias for. "docker://NAME" is one of docker.io. Mirrors of registries.conf are
 * asked before the registry. Nothing is asked yet. watch may be NULL. */
int cfs_transport_open_registry(const char *reference,
				const struct cfs_registry_access *access,
				const struct cfs_watch *watch, struct cfs_transport *out,
				struct cfs_err *err) CFS_MUST_CHECK;

#endif
