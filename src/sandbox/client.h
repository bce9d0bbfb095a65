/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sandbox/client: restricts the calling process to what a network client needs.
 * Owns:  the system calls and accesses that such a client loses.
 * Uses:  base, libc.
 * Never: knows which servers it talks to.
 *
 * A process that parses what servers send reads no file of the user, changes none, starts no
 * program, inspects no process and gets no privilege, even after a fault in a library. It
 * keeps its open descriptors, outgoing connections and threads.
 */
#ifndef CFS_SANDBOX_CLIENT_H
#define CFS_SANDBOX_CLIENT_H

#include <stddef.h>

#include "base/err.h"

/* Restricts this process from now on. It may still read what is at or below the paths, links
 * followed; those that do not exist are skipped. Call it before threads are started.
 *
 * Capabilities and new privileges are gone, and tracers except root are refused. With Landlock
 * (Linux 5.13) it opens no other file, changes none, does not listen on TCP ports (6.7), sends no
 * signals and connects to no abstract sockets (6.12). With seccomp filters (x86_64, aarch64) it
 * executes nothing, and has no calls to mount, trace, load code into the kernel or enter
 * namespaces: -EPERM. What the kernel lacks is left out. Fails if a restriction that it has
 * cannot be set. */
int cfs_sandbox_enter_client(const char *const *paths, size_t n_paths,
			     struct cfs_err *err) CFS_MUST_CHECK;

#endif
