/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck_wire: what was found in an image as bytes, from the jail to who prints it and looks at the objects.
 * Owns:  the form, which never leaves the machine, and the distrust on the receiving side.
 * Uses:  base, hash, tree (limits).
 * Never: looks at an object.
 */
#ifndef CFS_FSCK_WIRE_H
#define CFS_FSCK_WIRE_H

#include "fsck/objects.h"

/* What was found in an image that is sound. */
struct cfs_fsck_answer {
	struct cfs_fsck_objects objects;
	struct cfs_kernel_finding kernel[CFS_KERNEL_N_RULES];
};

int fsck_wire_put(const struct cfs_fsck_answer *answer, struct cfs_sink to,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Adds what the bytes tell to answer, which starts zeroed. They are the word of a process that a stranger's image
 * may have taken over: -EUCLEAN unless each is part of a finding, or of an object with a path of 1 to 4095
 * characters without NUL. -ENOMEM. */
int fsck_wire_take(struct cfs_span in, struct cfs_fsck_answer *answer,
		   struct cfs_err *err) CFS_MUST_CHECK;

#endif
