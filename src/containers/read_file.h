/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading a file of an image that lies in the repository. */
#ifndef CFS_CONTAINERS_READ_FILE_H
#define CFS_CONTAINERS_READ_FILE_H

#include "erofs/erofs.h"

struct cfs_repo;

/* Reads a regular file of at most max bytes; symbolic links are followed as inside of the
 * image. Contents outside of the image are verified. free(out->p) is the caller's. -ENOENT,
 * -ENOTDIR: there is none; -EINVAL: not a regular file; -EFBIG: it is larger; -EUCLEAN. */
int cfs_containers_read_file(const struct cfs_repo *repo, const struct cfs_image *im,
			     const char *path, size_t max, struct cfs_mem *out,
			     struct cfs_err *err) CFS_MUST_CHECK;

#endif
