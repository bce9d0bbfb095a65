/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Indexes of a repository: one container image for several platforms. The stream
 * "oci-index-DIGEST" has the bytes of the index, and a named reference "manifest:DIGEST" to each
 * manifest of it that the repository has. */
#ifndef CFS_CONTAINERS_INDEX_H
#define CFS_CONTAINERS_INDEX_H

#include "containers/pull.h"
#include "containers/push.h"

/* An index that was opened. */
struct cfs_container_index {
	struct cfs_oci_digest digest;
	struct cfs_digest stream;
	struct cfs_mem json;
	struct cfs_oci_index index;
};

/* Opens the index with a tag, or with "@ALGORITHM:HEX", its digest, and checks its bytes. 1: it
 * is open; 0: this is no name of an index, perhaps one of an image. -EUCLEAN: it is damaged.
 * Close it, whatever was returned. */
int cfs_container_index_open(const struct cfs_repo *repo, const char *name,
			     struct cfs_container_index *out,
			     struct cfs_err *err) CFS_MUST_CHECK;
void cfs_container_index_close(struct cfs_container_index *x);

/* Calls fn for each entry that is the image of a platform, until fn returns a negative number,
 * which is returned. Entries that describe others, such as attestations, are left out: they are
 * not kept. name: "@DIGEST", for cfs_container_open. */
typedef int (*cfs_index_entry_fn)(void *ctx, const struct cfs_oci_index_entry *entry,
				  const char *name, struct cfs_err *err);
int cfs_container_index_visit(const struct cfs_oci_index *index, cfs_index_entry_fn fn,
			      void *ctx, struct cfs_err *err) CFS_MUST_CHECK;

/* "OS/ARCHITECTURE[/VARIANT]", cut to fit; "" without a platform. Returns out. */
const char *cfs_index_entry_platform(const struct cfs_oci_index_entry *entry,
				     char out[CFS_OCI_PLATFORM_MAX]);

struct cfs_pull_index_result {
	struct cfs_oci_digest digest;
	size_t n_left_out; /* entries that describe others */
};

/* Copies the images of all platforms of an index, as cfs_containers_pull, and then the index
 * itself, which gets the tag. each: called after each image. -EINVAL: the source is no index, or
 * an entry is none of an image. After a failure the images that were complete stay until the next
 * garbage collection. */
int cfs_containers_pull_index(
	struct cfs_repo *repo, const struct cfs_transport *from,
	const struct cfs_pull_opts *opts,
	int (*each)(void *ctx, const struct cfs_oci_index_entry *entry,
		    const struct cfs_pull_result *result, struct cfs_err *err),
	void *ctx, struct cfs_pull_index_result *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Sends the images of all platforms of an index, as cfs_containers_push, and then the index, which
 * gets the tag: unchanged if all entries are what they were, otherwise with the entries that were
 * sent. out: the sums of the images; the digest is that of the index. -ENOENT: no such index;
 * -ENOTSUP: the destination takes one image. */
int cfs_containers_push_index(const struct cfs_repo *repo, const char *name,
			      const struct cfs_destination *to,
			      const struct cfs_push_opts *opts,
			      struct cfs_push_result *out,
			      struct cfs_err *err) CFS_MUST_CHECK;

#endif
