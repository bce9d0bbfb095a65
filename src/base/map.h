/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whole files as spans: mapped or copied. */
#ifndef CFS_BASE_MAP_H
#define CFS_BASE_MAP_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

/* A whole file, read-only: a regular file is mapped, any other file (a pipe, for example)
 * is read into memory. If a mapped file is truncated, access raises SIGBUS; if it is
 * written to, its contents change after they were checked. So a server of untrusted
 * clients must use cfs_map_copy, and a parser cfs_map_stable. For an image, use
 * cfs_image_map (erofs/image_file.h), which checks the superblock first. */
struct cfs_map {
	struct cfs_span span; /* valid until cfs_map_close */
	bool mapped;
};

typedef int cfs_map_fn(int fd, struct cfs_map *out, struct cfs_err *err);

/* -EISDIR for a directory. -EINVAL for a device that is not a terminal, because reading
 * it may never end. */
int cfs_map_fd(int fd, struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Copies the file. Holes use no memory in the copy, so a file with a large size and no
 * data costs nothing. */
int cfs_map_copy(int fd, struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Maps the file if only the caller and root can change it; copies it otherwise. */
int cfs_map_stable(int fd, struct cfs_map *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_map_close(struct cfs_map *map);

#endif
