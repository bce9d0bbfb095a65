/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The composefs header and the superblock of an image. */
#ifndef CFS_EROFS_SUPERBLOCK_H
#define CFS_EROFS_SUPERBLOCK_H

#include "erofs/image.h"

/* Whether these first bytes of a file are the magic of a composefs image. */
bool cfs_image_has_magic(const uint8_t head[4]);

/* Checks header, superblock and root inode. -EINVAL: not a composefs image (too short, wrong
 * magic); -ENOTSUP: unknown container or format version; -EUCLEAN: damaged. */
int cfs_image_open(struct cfs_span bytes, struct cfs_image *out,
		   struct cfs_err *err) CFS_MUST_CHECK;

#define CFS_IMAGE_LEN_UNKNOWN UINT64_MAX

/* Checks header and superblock alone, before the rest is read. head: the first 4096 bytes, or all
 * when there are fewer; len: the length of the file, or CFS_IMAGE_LEN_UNKNOWN. out: the length by
 * the superblock, or CFS_IMAGE_LEN_UNKNOWN when it gives none. */
int cfs_image_measure_head(struct cfs_span head, uint64_t len, uint64_t *out,
			   struct cfs_err *err) CFS_MUST_CHECK;

#endif
