/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* source: opening an image file, for all tools that read one in place.
 * Owns:  the descriptor, the mapping, the place in the message.
 * Uses:  base, erofs.
 * Never: interprets anything.
 */
#ifndef CFS_TOOL_IMAGE_H
#define CFS_TOOL_IMAGE_H

#include "base/base.h"
#include "erofs/erofs.h"

/* Maps the image at path; the caller ends it with cfs_map_close(map). */
int cfs_source_open_image(const char *path, struct cfs_map *map, struct cfs_image *im,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
