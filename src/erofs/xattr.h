/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* xattrs as an image stores them, those that the writer added included. */
#ifndef CFS_EROFS_XATTR_H
#define CFS_EROFS_XATTR_H

#include "erofs/inode.h"

struct cfs_raw_xattr {
	uint8_t index;		/* EROFS_XATTR_*: stands for the first part of the key */
	struct cfs_text suffix; /* the rest of the key */
	struct cfs_span value;
	uint64_t off; /* of the entry in the image */
	bool shared;
};

/* An iteration over the xattrs of an inode. Private. */
struct cfs_raw_xattrs {
	const struct cfs_image *im;
	uint64_t nid, off; /* of the inode */
	uint64_t area_off;
	struct cfs_span area;
	uint64_t next_off; /* of the next inline entry, in area */
	uint32_t shared, n_shared;
};

/* Starts the iteration over the xattrs of an inode. out borrows from both. -EUCLEAN: the
 * area of the xattrs is damaged. */
int cfs_raw_xattrs_open(const struct cfs_image *im, const struct cfs_inode *inode,
			struct cfs_raw_xattrs *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The next xattr, inline ones first: 1, or 0 at the end. */
int cfs_raw_xattrs_next(struct cfs_raw_xattrs *it, struct cfs_raw_xattr *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Whether the whole key of an xattr is the given one. */
bool cfs_raw_xattr_is(const struct cfs_raw_xattr *x, struct cfs_text key);

/* What follows the given prefix in the whole key of an xattr; .s is NULL if the key does not begin so. Borrowed from
 * the image. */
struct cfs_text cfs_raw_xattr_get_rest(const struct cfs_raw_xattr *x,
				       struct cfs_text prefix);

/* Bytes of the shared xattrs that an inode refers to, up to the first damaged one. */
uint64_t cfs_shared_len(const struct cfs_image *im, const struct cfs_inode *inode);

#endif
