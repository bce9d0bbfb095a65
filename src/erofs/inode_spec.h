/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Specs: an inode of an image as a tree describes it. */
#ifndef CFS_EROFS_INODE_SPEC_H
#define CFS_EROFS_INODE_SPEC_H

#include "erofs/inode.h"
#include "tree/tree.h"

/* Memory for what cannot be borrowed from the image, used again for each inode. Starts zeroed. Of the
 * last spec: alg is the algorithm of its digest, twins says that its inode had a key twice. The rest
 * is private. */
struct cfs_spec_room {
	enum cfs_hash_alg alg;
	bool twins;
	struct cfs_xattr *xattrs;
	size_t n_xattrs, xattrs_cap;
	struct cfs_xattr **order;
	size_t order_cap;
	char *keys;
	size_t keys_len, keys_cap;
	uint8_t content[CFS_CONTENT_MAX];
};

/* Frees the buffers, and zeroes it. A zeroed one is valid. */
void cfs_spec_room_fini(struct cfs_spec_room *room);

/* The inode without the xattrs that the writer added: backing path and digest instead of redirect and
 * metacopy, keys unescaped, whiteouts as character devices. xattrs are in the order of the image; of
 * a key that is stored twice only the first, as kernels read it. Borrowed from the image, and from
 * room until its next use. -ENOMEM, else -EUCLEAN. */
int cfs_image_read_spec(const struct cfs_image *im, const struct cfs_inode *inode,
			struct cfs_spec_room *room, struct cfs_inode_spec *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The inode as a mount shows it: a whiteout of the tree is a file with marks for overlayfs, and xattrs that
 * no mount shows are left out. Otherwise as cfs_image_read_spec. */
int cfs_image_read_mounted_spec(const struct cfs_image *im, const struct cfs_inode *inode,
				struct cfs_spec_room *room, struct cfs_inode_spec *out,
				struct cfs_err *err) CFS_MUST_CHECK;

/* The backing path alone, as cfs_image_read_spec gives it; len 0: none. Borrowed from the image. */
int cfs_image_read_backing(const struct cfs_image *im, const struct cfs_inode *inode,
			   struct cfs_text *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
