/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The check of a whole image. */
#ifndef CFS_EROFS_CHECK_H
#define CFS_EROFS_CHECK_H

#include "erofs/image.h"
#include "erofs/quirks.h"

/* Reads all of an image and requires that every byte belongs to something. Refused are: what a walk
 * and the specs of the inodes refuse; padding that is not 0; bytes or blocks without an owner; counts
 * and flags that do not match the inodes; xattrs that a kernel would not find; overlay xattrs that
 * would show another tree than the image describes. (Gaps are not checked in format 2, whose layout is
 * not known to the byte.) An image that passes need not be the one that the writer makes of its tree,
 * see cfs_image_check_canonical. -ENOMEM, else -EUCLEAN. */
int cfs_image_check(const struct cfs_image *im, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, and in the same walk finds the inodes that each rule of quirks.h is about, for all kernel
 * versions. kernel: CFS_KERNEL_N_RULES findings, undefined after an error; NULL: not wanted. watch may be
 * NULL; -ECANCELED. */
int cfs_image_check_kernels(const struct cfs_image *im, struct cfs_kernel_finding *kernel,
			    const struct cfs_watch *watch,
			    struct cfs_err *err) CFS_MUST_CHECK;

#endif
