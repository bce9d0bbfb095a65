/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* compat/intern: one blob for all inodes that refer to the same place in an image. It
 * bounds the memory of the nodes to a small multiple of the image: without it, 50 bytes
 * of an inode could refer to 48 KiB of xattrs. */
#ifndef CFS_COMPAT_INTERN_H
#define CFS_COMPAT_INTERN_H

#include "compat/compat.h"

struct lcfs_share {
	struct cfs_span own; /* bytes of the current inode: not shared */
	uint64_t left;	     /* bytes of blobs that may still be created */
	struct lcfs_share_slot {
		const uint8_t *p; /* its place in the image */
		size_t key_len;
		struct lcfs_blob *blob;
	} * slots; /* open addressing */
	size_t n, n_slots;
	uint64_t seed;
};

/* image_len: bytes of the image; the limit follows from it. */
void lcfs_share_init(struct lcfs_share *share, uint64_t image_len);
void lcfs_share_fini(struct lcfs_share *share);

/* Returns the blob of an xattr, or of a text (key.len 0); bytes are borrowed from the
 * image. The caller gets one reference. share may be NULL. -ENOMEM; -EINVAL: overlapping
 * places exceed the limit. */
int lcfs_share_blob(struct lcfs_share *share, struct cfs_text key, struct cfs_span bytes,
		    struct lcfs_blob **out) CFS_MUST_CHECK;

#endif
