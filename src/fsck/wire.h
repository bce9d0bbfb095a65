/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fsck/wire: the findings in an image as bytes, which leave the sandbox through a pipe.
 * Owns:  the encoding, which never leaves the machine, and its validation by the receiver.
 * Uses:  base, hash, tree (limits).
 * Never: opens an object.
 */
#ifndef CFS_FSCK_WIRE_H
#define CFS_FSCK_WIRE_H

#include "fsck/objects.h"

/* The findings in an image that is not damaged. */
struct cfs_fsck_answer {
	struct cfs_fsck_objects objects;
	struct cfs_kernel_finding kernel[CFS_KERNEL_N_RULES];
};

/* Writes an answer as bytes for the pipe of the sandbox. -ENOMEM, and as the sink
 * fails. */
int fsck_wire_encode(const struct cfs_fsck_answer *answer, struct cfs_sink to,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Decodes bytes into answer, which starts zeroed. A hostile image may control the process that wrote them: -EUCLEAN
 * unless each byte belongs to a finding, or to an object with a path of 1 to 4095 bytes, a user of 1 to
 * CFS_FSCK_USER_MAX bytes, both without NUL, and a positive number of users. -ENOMEM. */
int fsck_wire_decode(struct cfs_span in, struct cfs_fsck_answer *answer,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
