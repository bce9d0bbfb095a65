/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* any_image: an operand that is an image file or an image of the repository.
 * Owns:  which of them it is.
 * Uses:  erofs, source, repo_option.
 * Never: reads the image.
 */
#ifndef CFS_ANY_IMAGE_H
#define CFS_ANY_IMAGE_H

#include "cli/repo_option.h"

/* Opens the image that a name means: if an option names the repository, an image of it;
 * if $COMPOSEFS_REPO does, an image of it or, if it has none, an image file; else an image
 * file or, if there is no such file, an image of the repository. *is_file tells which. The caller calls cfs_map_close(map). */
int any_image_open(struct where *w, const char *name, struct cfs_map *map,
		   struct cfs_image *im, bool *is_file,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
