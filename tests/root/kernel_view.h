/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Holds what a kernel shows of a mounted image against what the reader says of its bytes. */
#ifndef KERNEL_VIEW_H
#define KERNEL_VIEW_H

#include "erofs/erofs.h"

enum { VIEW_DIFFERENCE_MAX = 4096 };

/* Make the objects that the image needs, below objects. Where a backing path is none that could have an object, nothing
 * is made. */
void view_make_objects(const struct cfs_image *im, int objects);

/* The image is mounted at the working directory. False, and the first difference as a sentence, when the kernel and the
 * reader do not agree. */
bool view_agrees(const struct cfs_image *im, char difference[VIEW_DIFFERENCE_MAX]);

#endif
