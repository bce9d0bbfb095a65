/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opening an image file. */
#include "image.h"

#include <fcntl.h>

int image_open(const char *path, struct cfs_map *map, struct cfs_image *im,
	       struct cfs_err *err)
{
	cfs_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "Failed to open %s", path);
	rc = cfs_context(err, cfs_map_stable(fd, map, err), "Failed to open %s", path);
	if (rc < 0)
		return rc;
	rc = cfs_context(err, cfs_image_open(map->span, im, err), "Failed to load %s",
			 path);
	if (rc < 0)
		cfs_map_close(map);
	return rc;
}
