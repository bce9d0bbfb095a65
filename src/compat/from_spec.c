/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The inode of another room -> a node. */
#include "compat/compat.h"

#include <errno.h>

#include "compat/intern.h"

static int fill_payload(struct lcfs_node_s *node, struct cfs_text payload,
			struct lcfs_share *share)
{
	if (payload.len == 0)
		return 0;
	return lcfs_share_blob(share, CFS_TEXT(""), cfs_text_span(payload),
			       &node->payload);
}

/* Without the limit of lcfs_node_set_xattr: an image may have xattrs that composefs
 * itself added. */
static int fill_xattrs(struct lcfs_node_s *node, const struct cfs_inode_spec *spec,
		       struct lcfs_share *share)
{
	for (size_t i = 0; i < spec->n_xattrs; i++) {
		struct lcfs_blob *xattr;
		int rc = lcfs_share_blob(share, spec->xattrs[i].key,
					 spec->xattrs[i].value, &xattr);

		if (rc < 0)
			return rc;
		rc = lcfs_xattrs_append(node, xattr);
		if (rc < 0) {
			lcfs_blob_unref(xattr);
			return rc;
		}
	}
	return 0;
}

int lcfs_node_fill(struct lcfs_node_s *node, const struct cfs_inode_spec *spec,
		   struct lcfs_share *share)
{
	int rc;

	node->mode = spec->mode;
	node->nlink = spec->nlink;
	node->uid = spec->uid;
	node->gid = spec->gid;
	node->rdev = spec->rdev;
	node->mtime = (struct timespec){spec->mtime_sec, spec->mtime_nsec};
	node->size = spec->size;
	if (spec->content.len &&
	    lcfs_node_set_content(node, spec->content.p, spec->content.len) < 0)
		return -errno;
	if (spec->digest)
		memcpy(node->digest, spec->digest, LCFS_DIGEST_SIZE);
	node->has_digest = spec->digest;
	rc = fill_payload(node, spec->payload, share);
	return rc < 0 ? rc : fill_xattrs(node, spec, share);
}
