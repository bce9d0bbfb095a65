/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck: what fsck asks of the bytes of an image, and how it is answered: in this process, or in a jail.
 * Owns:  the order of the checks, the limits of the jail, the form in which the answer crosses its border.
 * Uses:  base, erofs, sandbox.
 * Never: opens files, prints.
 */
#ifndef CFS_FSCK_IMAGE_H
#define CFS_FSCK_IMAGE_H

#include "fsck/wire.h"

struct cfs_fsck_question {
	struct cfs_span image;
	bool canonical; /* must be what the writer makes, byte for byte */
	bool objects;	/* collect the objects that it needs */
};

/* What is found goes into answer, which starts zeroed; cfs_fsck_objects_fini(&answer->objects) is the caller's. Errors are those of the checks: -EUCLEAN damaged, -EINVAL no
 * image, -ENOTSUP a format that is not known, -ENOMEM. */
int cfs_fsck_ask_image(const struct cfs_fsck_question *q, struct cfs_fsck_answer *answer,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* The same in a jail (sandbox.h), which reads the bytes where they are in memory. What comes back was checked (fsck_wire.h). -EUCLEAN too when the jail had to kill. landlock: is it among
 * the fences?
 *
 * The limits: memory 32 MiB and eight times the image, for canonical 32 times (the densest image that was
 * found, hard links with names of three letters, needs 11 times); an answer of 1 MiB and twice the image; CPU
 * time 10 s and one more for each MiB; by the clock ten times that. */
int cfs_fsck_ask_image_isolated(const struct cfs_fsck_question *q,
				struct cfs_fsck_answer *answer, bool *landlock,
				struct cfs_err *err) CFS_MUST_CHECK;

#endif
