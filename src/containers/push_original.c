/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Layers that are sent as they were pulled: the registry has the blob in another repository, or the
 * pull kept it. If all are, the manifest stays the same, and signatures by others stay valid. */
#include <errno.h>

#include "containers/artifact.h"
#include "containers/push_priv.h"

static enum cfs_oci_packing packing_of(enum cfs_compression compression)
{
	return compression == CFS_COMPRESSION_GZIP   ? CFS_OCI_TAR_GZIP
	       : compression == CFS_COMPRESSION_ZSTD ? CFS_OCI_TAR_ZSTD
						     : CFS_OCI_TAR;
}

static bool may_send(const struct push *p, const struct cfs_oci_descriptor *d)
{
	enum cfs_oci_packing packing = cfs_oci_find_packing(d->media_type);

	return packing == packing_of(p->opts->compression) ||
	       (p->opts->any_compression && packing != CFS_OCI_NO_TAR);
}

/* 1: sent; 0: not kept. */
static int send_kept(struct push *p, size_t turn, const struct cfs_oci_descriptor *d,
		     struct cfs_err *err)
{
	cfs_autofd int fd = cfs_containers_open_kept(p->repo, d, err);
	int rc;

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	rc = push_send_blob(p, turn, fd, d, err);
	return rc < 0 ? rc : 1;
}

/* The blob that was pulled was compared with its diff_id then. */
int push_original(struct push *p, size_t turn, size_t i, struct cfs_err *err)
{
	const struct cfs_oci_descriptor *d = &p->container.manifest.layers[i];
	int rc;

	if (!may_send(p, d))
		return 0;
	rc = push_mount_blob(p, d, err);
	if (rc > 0)
		atomic_fetch_add(&p->n_present, 1);
	else if (rc == 0)
		rc = send_kept(p, turn, d, err);
	if (rc > 0)
		p->layers[i] = *d;
	return rc;
}
