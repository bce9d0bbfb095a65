/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Container images from a repository to a destination. */
#ifndef CFS_CONTAINERS_PUSH_H
#define CFS_CONTAINERS_PUSH_H

#include "compress/compress.h"
#include "containers/names.h"
#include "oci/oci.h"
#include "transport/transport.h"

struct cfs_repo;

struct cfs_push_opts {
	enum cfs_compression compression;
	bool any_compression; /* of a layer that can be sent as it was pulled */
	enum cfs_referrers referrers;
	/* The repository of the registry that has layers, so that they need not be sent; NULL: as
	 * the tags of the repository say. */
	const char *mount_from;
	bool is_entry;	    /* of an index: its manifest gets no tag */
	unsigned n_threads; /* layers at a time; 0: one for each CPU */
	const struct cfs_watch
		*watch; /* progress counts "layers" and bytes; may be NULL */
};

struct cfs_push_result {
	struct cfs_oci_digest manifest, config;
	uint64_t manifest_len;	    /* bytes, as it was sent */
	size_t n_layers, n_present; /* n_present: the destination had them already */
	uint64_t bytes_sent;	    /* of layers, compressed */
	size_t n_referrers;	    /* artifacts that were sent */
};

/* Sends a container image, opened by its name as by cfs_container_open. The layers are sent as
 * they were pulled if their blobs were kept, otherwise compressed anew, each into an unnamed file of $TMPDIR or /var/tmp, so blobs and manifest may get other digests
 * than those that were pulled; diff_ids and configuration stay. If all blobs are the same, the
 * manifest is sent as it is, byte for byte. A registry is asked to take layers from another
 * repository, as they were pulled if the compression is the same. The manifest is sent last, and then the artifacts whose
 * subject it is. An artifact is sent as it is. -ENOENT: no such image, or a layer is missing; -ENOTSUP: an artifact to an archive of images; -ESTALE: the
 * manifest became another one, but artifacts refer to it; -EUCLEAN: the repository is damaged; else
 * as the destination. */
int cfs_containers_push(const struct cfs_repo *repo, const char *name,
			const struct cfs_destination *to,
			const struct cfs_push_opts *opts, struct cfs_push_result *out,
			struct cfs_err *err) CFS_MUST_CHECK;

#endif
