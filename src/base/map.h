/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whole files as spans: mapped or copied. */
#ifndef CFS_BASE_MAP_H
#define CFS_BASE_MAP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/* A whole file, read only: mapped where it is a regular file, read into memory otherwise
 * (a pipe, say). A file that is cut off while it is mapped raises SIGBUS at access, and one
 * that is written to is not what was checked: who serves strangers reads a copy instead
 * (cfs_map_copy), who parses takes the copy where it is needed (cfs_map_stable). Who expects an image looks at its
 * superblock first (cfs_image_map in erofs/image_file.h). */
struct cfs_map {
	struct cfs_span span; /* lent until cfs_map_close */
	bool mapped;
};

typedef int cfs_map_fn(int fd, struct cfs_map *out, struct cfs_err *err);

/* -EISDIR for a directory, -EINVAL for a device that is no terminal: most have no end. */
int cfs_map_fd(int fd, struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Holes of a file take no memory in its copy, so that a large size alone costs nothing. */
int cfs_map_copy(int fd, struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Mapped where nobody but the caller and root can change the file, else a copy. */
int cfs_map_stable(int fd, struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_map_close(struct cfs_map *map);

#endif
