/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What many inodes of an image refer to becomes one blob. So nodes take no more memory
 * than a small multiple of the image, whatever it says: 50 bytes of an inode can refer
 * to 48 KiB of xattrs. */
#ifndef CFS_COMPAT_SHARE_H
#define CFS_COMPAT_SHARE_H

#include "compat/compat.h"

struct lcfs_share {
	struct cfs_span own; /* bytes that belong to the inode at hand: not shared */
	uint64_t left;	     /* bytes of blobs that may still be made */
	struct lcfs_share_slot {
		const uint8_t *p; /* where it lies in the image */
		size_t key_len;
		struct lcfs_blob *blob;
	} * slots; /* open addressing */
	size_t n, n_slots;
	uint64_t seed;
};

/* image_len: of the image, which bounds what may lie in it. */
void lcfs_share_init(struct lcfs_share *share, uint64_t image_len);
void lcfs_share_fini(struct lcfs_share *share);

/* The blob of an xattr, or of a text (key.len 0); bytes are lent from the image. One
 * reference is the caller's. share may be NULL. -ENOMEM; -EINVAL: places overlap, so
 * that they come to more than the image. */
int lcfs_share_blob(struct lcfs_share *share, struct cfs_text key, struct cfs_span bytes,
		    struct lcfs_blob **out) CFS_MUST_CHECK;

#endif
