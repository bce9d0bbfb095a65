/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An image in memory, which every part of the reader takes.
 *
 * Image bytes are untrusted. They stay where the caller mapped or copied them, and everything that
 * the reader returns is borrowed from there: the caller keeps them as long as that is in use. All
 * bounds are checked by the reader; -EUCLEAN names structure, inode, offset and rule. Work and memory
 * are bounded by the length of the image.
 *
 * The parts, lowest first: superblock, inodes, directories, contents and xattrs, lookup, specs (an
 * inode as a tree describes it), walks, whole trees and checks.
 */
#ifndef CFS_EROFS_IMAGE_H
#define CFS_EROFS_IMAGE_H

#include "base/base.h"

struct cfs_image_rules; /* differences between format versions: image_priv.h */

/* An image whose header, superblock and root inode are valid; see cfs_image_open. Read only. */
struct cfs_image {
	struct cfs_span bytes; /* borrowed from the caller */
	const struct cfs_image_rules *rules;
	uint32_t version; /* format: 0, 1, or 2 (older images of composefs-rs) */
	bool has_acl;	  /* the header says that some inode has a POSIX ACL */
	bool no_blocks;	  /* the superblock says 0 blocks instead of their number */
	uint64_t root_nid;
	uint64_t inos;	     /* number of inodes, by the superblock */
	uint64_t meta_off;   /* offset of nid 0 */
	uint64_t shared_off; /* offset of reference 0 to a shared xattr */
	uint64_t data_off;   /* no data block lies before it */
	int64_t build_sec;   /* mtime of compact inodes */
	uint32_t build_nsec;
};

#endif
