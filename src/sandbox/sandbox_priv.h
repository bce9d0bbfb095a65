/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The restrictions, one function each. The child applies them; they cannot be removed. */
#ifndef CFS_SANDBOX_PRIV_H
#define CFS_SANDBOX_PRIV_H

#include "sandbox/sandbox.h"

/* Moves the descriptor of the answer to number 0, and closes all others. */
int sandbox_close_descriptors(int answer, struct cfs_err *err) CFS_MUST_CHECK;

/* Sets the resource limits. */
int sandbox_set_limits(const struct cfs_sandbox_opts *opts,
		       struct cfs_err *err) CFS_MUST_CHECK;

/* Drops the capabilities, and forbids new privileges, core dumps and tracers other than
 * root. */
int sandbox_drop_privileges(struct cfs_err *err) CFS_MUST_CHECK;

/* Makes a Landlock ruleset that denies everything that this kernel's Landlock can deny,
 * except the accesses net_kept to the network. Returns its descriptor, which the caller
 * closes. -ENOTSUP without a message: no Landlock in this kernel. */
enum { SANDBOX_CONNECT_TCP = 2 }; /* LANDLOCK_ACCESS_NET_CONNECT_TCP of Linux 6.7 */
int sandbox_make_ruleset(uint64_t net_kept, struct cfs_err *err) CFS_MUST_CHECK;

/* Denies everything that Landlock can deny. Returns 1, or 0 if the kernel has no
 * Landlock. */
int sandbox_enable_landlock(struct cfs_err *err) CFS_MUST_CHECK;

/* Installs the seccomp filter. -ENOTSUP: not in this kernel, or not for this
 * architecture. After sandbox_drop_privileges. */
int sandbox_install_filter(struct cfs_err *err) CFS_MUST_CHECK;

/* Writes the beginning of a filter, which loads the number of the call and ends processes
 * that use the numbers of another architecture. Returns SANDBOX_HEAD_LEN. */
struct sock_filter;
enum { SANDBOX_HEAD_LEN = 4 };
size_t sandbox_put_head(struct sock_filter *to);

/* AUDIT_ARCH_* of the target architecture; 0: not supported. */
extern const uint32_t sandbox_audit_arch;

#endif
