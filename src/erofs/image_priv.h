/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of the reader share: the rules of each format version, and the form of a message. */
#ifndef CFS_EROFS_IMAGE_PRIV_H
#define CFS_EROFS_IMAGE_PRIV_H

#include <errno.h>
#include <inttypes.h>

#include "erofs/erofs_priv.h"
#include "erofs/image.h"

/* Fails with the place of an inode in the message. inode: a pointer to a struct with nid and off. */
#define cfs_bad_inode(err, inode, fmt, ...)                                              \
	cfs_fail(err, EUCLEAN, "inode %" PRIu64 " at offset %" PRIu64 ": " fmt,          \
		 (inode)->nid, (inode)->off __VA_OPT__(, ) __VA_ARGS__)

/* The same for a field of the superblock. */
#define cfs_bad_super(err, field, fmt, ...)                                              \
	cfs_fail(err, EUCLEAN, "superblock at offset %zu: " fmt,                         \
		 EROFS_SB_OFF + offsetof(struct erofs_super, field) __VA_OPT__(, )       \
					__VA_ARGS__)

struct cfs_image_rules {
	/* References to shared xattrs count from the start of the image, and data blocks may
	 * lie anywhere; else both lie after xattr_blkaddr. */
	bool loose_areas;
	/* A whiteout of the tree is an empty file with marks, and a character device 0/0 is not
	 * part of the tree. */
	bool whiteouts_escaped;
	/* The superblock may say 0 blocks instead of their number. */
	bool no_blocks_allowed;
	uint8_t shared_max;	   /* references in one inode */
	uint32_t feature_compat;   /* all bits that may be set */
	uint32_t feature_incompat; /* the same */
};

#endif
