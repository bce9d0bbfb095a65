/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opens an image file. */
#ifndef CFS_SOURCE_OPEN_IMAGE_H
#define CFS_SOURCE_OPEN_IMAGE_H

#include "base/base.h"
#include "erofs/erofs.h"

/* Opens the image at path, a file or a pipe, and maps or copies it. The caller calls
 * cfs_map_close(map). Errors contain the path. */
int cfs_source_open_image(const char *path, struct cfs_map *map, struct cfs_image *im,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
