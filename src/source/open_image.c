/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Opens an image file. */
#include "source/open_image.h"

#include <fcntl.h>

int cfs_source_open_image(const char *path, struct cfs_map *map, struct cfs_image *im,
			  struct cfs_err *err)
{
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, CFS_INPUT_PIPE, err);
	int rc;

	if (fd < 0)
		return cfs_context(err, fd, "Failed to open %s", path);
	rc = cfs_image_map(fd, cfs_map_stable, map, err);
	if (rc == 0) {
		rc = cfs_image_open(map->span, im, err);
		if (rc < 0)
			cfs_map_close(map);
	}
	return cfs_context(err, rc, "Failed to load %s", path);
}
