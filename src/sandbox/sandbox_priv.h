/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The fences, one function each. They are put up by the child, and nothing takes them down again. */
#ifndef CFS_SANDBOX_PRIV_H
#define CFS_SANDBOX_PRIV_H

#include "sandbox/sandbox.h"

/* The descriptor of the answer becomes number 0, and all others are closed. */
int sandbox_descriptors(int answer, struct cfs_err *err) CFS_MUST_CHECK;

int sandbox_limits(const struct cfs_sandbox_opts *opts,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* No capabilities, no new privileges, no core dump, no tracer but root. */
int sandbox_privileges(struct cfs_err *err) CFS_MUST_CHECK;

/* Returns 1 when it stands, 0 when the kernel has no Landlock. */
int sandbox_landlock(struct cfs_err *err) CFS_MUST_CHECK;

/* -ENOTSUP: not in this kernel, or not for this architecture. Wants sandbox_privileges first. */
int sandbox_filter(struct cfs_err *err) CFS_MUST_CHECK;

/* AUDIT_ARCH_* of what this is compiled for; 0: not known. */
extern const uint32_t sandbox_audit_arch;

#endif
