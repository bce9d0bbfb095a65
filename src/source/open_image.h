/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* An image file, mapped to be read in place. */
#ifndef CFS_SOURCE_OPEN_IMAGE_H
#define CFS_SOURCE_OPEN_IMAGE_H

#include "base/base.h"
#include "erofs/erofs.h"

/* Maps and opens the image at path, a file or a pipe; the caller ends it with cfs_map_close(map). Errors name the path. */
int cfs_source_open_image(const char *path, struct cfs_map *map, struct cfs_image *im,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
