/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the reader share: the rules of each format version, and the form of a message. */
#ifndef CFS_EROFS_IMAGE_PRIV_H
#define CFS_EROFS_IMAGE_PRIV_H

#include <errno.h>
#include <inttypes.h>

#include "erofs/erofs_priv.h"
#include "erofs/image.h"

/* A refusal says where. inode: a pointer to what has nid and off, the inode's place. */
#define cfs_bad_inode(err, inode, fmt, ...)                                              \
	cfs_fail(err, EUCLEAN, "inode %" PRIu64 " at offset %" PRIu64 ": " fmt,          \
		 (inode)->nid, (inode)->off __VA_OPT__(, ) __VA_ARGS__)

/* The same of a field of the superblock. */
#define cfs_bad_super(err, field, fmt, ...)                                              \
	cfs_fail(err, EUCLEAN, "superblock at offset %zu: " fmt,                         \
		 EROFS_SB_OFF + offsetof(struct erofs_super, field) __VA_OPT__(, )       \
					__VA_ARGS__)

struct cfs_image_rules {
	/* References to shared xattrs count from the start of the image, and data blocks may
	 * lie anywhere; else both belong behind xattr_blkaddr. */
	bool loose_areas;
	/* A whiteout of the tree is an empty file with marks, and a character device 0/0 is no
	 * part of the tree. */
	bool whiteouts_escaped;
	/* The superblock may say 0 blocks instead of those of the image. */
	bool no_blocks_allowed;
	uint8_t shared_max;	   /* references in one inode */
	uint32_t feature_compat;   /* all bits that may be set */
	uint32_t feature_incompat; /* the same */
};

#endif
