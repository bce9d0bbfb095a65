/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Inodes of an image. */
#ifndef CFS_EROFS_INODE_H
#define CFS_EROFS_INODE_H

#include "erofs/image.h"

/* A decoded inode; its extents lie inside the image. blocks and tail together are the size bytes of
 * content. The content of an external file lies outside: tail is the chunk map, all null. */
struct cfs_inode {
	uint64_t nid;
	uint64_t off;	   /* of the inode itself */
	uint64_t len;	   /* with its xattrs and tail */
	uint64_t data_off; /* of its data blocks, when blocks.len > 0 */
	uint64_t size;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t mode; /* type and permission bits */
	uint32_t nlink, uid, gid;
	uint32_t rdev; /* CHR and BLK, else 0 */
	uint32_t ino;
	bool external;		/* a regular file whose content lies outside the image */
	bool far_chunks;	/* external, and the chunk map is not behind the inode */
	struct cfs_span xattrs; /* its xattr area with header; len 0: none */
	struct cfs_span blocks; /* bytes in data blocks: all or the first part */
	struct cfs_span tail;	/* bytes behind inode and xattrs */
};

/* Decodes the inode of a number. -EUCLEAN is the only error; out->off is 0 then when the number
 * leads outside the image. */
int cfs_image_read_inode(const struct cfs_image *im, uint64_t nid, struct cfs_inode *out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Whether an inode is a character device 0/0 that only hides a name and is not part of the tree. */
bool cfs_inode_is_hidden(const struct cfs_image *im, const struct cfs_inode *inode);

#endif
