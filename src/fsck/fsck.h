/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck: the check of one image and of the objects that it references.
 * Owns:  the order of the checks, the limits of the sandbox, the encoding of its answer.
 * Uses:  base, sandbox, hash (digest lengths), verity, tree (limits), erofs.
 * Never: opens images, prints.
 */
#ifndef CFS_FSCK_IMAGE_H
#define CFS_FSCK_IMAGE_H

#include "fsck/wire.h"

struct cfs_fsck_question {
	struct cfs_span image;
	bool canonical;		       /* expect the bytes that the writer makes */
	bool objects;		       /* collect the objects that the image references */
	const struct cfs_watch *watch; /* may be NULL; -ECANCELED */
};

/* Checks an image in this process. The answer starts zeroed; the caller ends it with
 * cfs_fsck_objects_fini(&answer->objects). -EUCLEAN: damaged, -EINVAL: not an image, -ENOTSUP: unknown format,
 * -ENOMEM. */
int cfs_fsck_check_image(const struct cfs_fsck_question *q,
			 struct cfs_fsck_answer *answer,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* The same in a sandbox (sandbox.h), which shares the memory of the image; the answer is validated (wire.h). -EUCLEAN
 * too when the sandbox was killed. *landlock tells whether it was confined by Landlock.
 *
 * The limits, where M is the length of the image in whole MiB plus 1: memory 32 MiB + 8 MiB * M, with canonical or
 * objects 32 MiB + 128 MiB * M; answer 1 MiB, with objects 1 MiB + 8 MiB * M; CPU time 10 s + 1 s * M; real time ten
 * times the CPU time. */
int cfs_fsck_check_image_isolated(const struct cfs_fsck_question *q,
				  struct cfs_fsck_answer *answer, bool *landlock,
				  struct cfs_err *err) CFS_MUST_CHECK;

#endif
