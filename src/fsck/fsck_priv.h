/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The limits of the sandbox, for the test that holds the contract in fsck.h against them. */
#ifndef CFS_FSCK_PRIV_H
#define CFS_FSCK_PRIV_H

#include "fsck/fsck.h"
#include "sandbox/sandbox.h"

/* The limits of memory, time and answer for a question, by the size of its image. */
struct cfs_sandbox_opts fsck_sandbox_limits(const struct cfs_fsck_question *q);

#endif
