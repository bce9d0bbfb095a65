/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Images in files: the superblock is checked before the rest is read. */
#ifndef CFS_EROFS_IMAGE_FILE_H
#define CFS_EROFS_IMAGE_FILE_H

#include "base/base.h"

/* Maps a file with how() after cfs_image_measure_head accepted it, so that a file of 3 GB that is not an
 * image costs nothing. Anything but a regular file is read into memory: as many bytes as the
 * superblock says, or 1 GiB when it does not say. -EISDIR, -EINVAL: not a file; else the codes of
 * cfs_image_measure_head. The caller still has to call cfs_image_open. */
int cfs_image_map(int fd, cfs_map_fn *how, struct cfs_map *out,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Reads an image from a pipe. to: the bytes that were read before; then the whole image. */
int cfs_image_read_stream(int fd, struct cfs_mem *to, struct cfs_err *err) CFS_MUST_CHECK;

#endif
