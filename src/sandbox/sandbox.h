/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sandbox: runs a function in a restricted child process, and returns a bounded answer;
 * restricts network clients (client.h).
 * Owns:  the child process, its restrictions, the format of the answer, the messages
 *        about a child that was killed.
 * Uses:  base, libc; needs no file of /proc, /dev or /sys.
 * Never: knows what the function does, trusts its answer, runs it without seccomp.
 *
 * The restrictions: no descriptor except the pipe of the answer; limits on CPU time,
 * address space, core dumps, new descriptors and file sizes; no capabilities, no new
 * privileges, not traceable; Landlock without a rule (no file, TCP port, signal or
 * abstract socket, as far as the kernel supports it); a seccomp filter that permits
 * writing to the pipe, allocating and freeing memory that is not executable, random
 * bytes, and exit. Any other system call kills the child.
 */
#ifndef CFS_SANDBOX_H
#define CFS_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"
#include "base/watch.h"
#include "sandbox/client.h"

struct cfs_sandbox_opts {
	uint64_t memory_len; /* address space beyond that of the calling process, bytes */
	uint64_t answer_max; /* bytes of the answer */
	unsigned cpu_s;	     /* CPU time, at least 1 */
	unsigned wall_s;     /* elapsed time, at least 1 */
	const struct cfs_watch
		*watch; /* may be NULL; once cancelled, the child is killed */
};

/* The function. It runs in a copy of the calling process, so it can read ctx and
 * everything that this points to, and its changes are lost. It writes its result to
 * answer, and returns 0 or -errno. It may call malloc, but must not need anything else of
 * the system. */
typedef int (*cfs_sandbox_fn)(void *ctx, struct cfs_sink answer, struct cfs_err *err);

struct cfs_sandbox_result {
	struct cfs_mem answer; /* to be freed with free(out->answer.p) */
	bool landlock; /* supported by the kernel; if not, seccomp denies the same calls */
};

/* Runs fn(ctx) in the sandbox and waits for its end. out starts zeroed.
 *
 * Returns the result of fn with its message, in which control characters are escaped; the
 * answer is complete whenever fn returned. -EUCLEAN: it was killed, crashed, exceeded a
 * limit or answered in no valid form; the message names the signal or the limit. -ENOMEM:
 * it needed more memory than allowed. -ENOTSUP: no seccomp filters in this kernel or on
 * this architecture (supported: x86_64, aarch64); nothing ran. -ENOMEM and others: the
 * sandbox could not be set up. -ECANCELED by the watch.
 *
 * The process forks: call it from one thread, or while no other thread holds a lock that
 * fn needs (except that of malloc). Only the answer crosses the boundary, and it may be
 * forged: the caller checks it like an untrusted file. */
int cfs_sandbox_run(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		    struct cfs_sandbox_result *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
