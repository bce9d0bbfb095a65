/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sandbox: a function that runs in a jail, and brings back a bounded answer.
 * Owns:  the child process, its fences, the form of the answer, what is said of a child that was killed.
 * Uses:  base, and of the system libc alone; needs no file of /proc, /dev or /sys.
 * Never: knows what the function does, trusts what it says, lets it run without seccomp.
 *
 * The fences, from the outside in: no descriptor but the pipe of the answer; limits on CPU time, address
 * space, core dumps, new descriptors and file sizes; no capabilities, no new privileges, not
 * traceable; Landlock without a single rule (no file, TCP port, signal or abstract socket, as far
 * as the kernel knows); a seccomp filter that lets it write to the pipe, take and give back memory that cannot be
 * executed, ask for random bytes, and exit: any other system call kills it.
 */
#ifndef CFS_SANDBOX_H
#define CFS_SANDBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

struct cfs_sandbox_opts {
	uint64_t memory_len; /* address space beyond that of the calling process, bytes */
	uint64_t answer_max; /* bytes of the answer */
	unsigned cpu_s;	     /* CPU time, at least 1 */
	unsigned wall_s;     /* time by the clock: for what waits for ever, at least 1 */
};

/* What runs in the jail: a copy of the calling process, so ctx and what it points to are there, and what
 * it changes is lost. It says what it found through answer, and returns as any function does. Memory
 * that it maps is what malloc gives; it must not count on anything else of the system. */
typedef int (*cfs_sandbox_fn)(void *ctx, struct cfs_sink answer, struct cfs_err *err);

struct cfs_sandbox_result {
	struct cfs_mem answer; /* to be freed with free(out->answer.p) */
	bool landlock; /* the kernel has it; if not, seccomp denies the same calls */
};

/* Runs fn(ctx) in a jail and waits for its end. out starts zeroed.
 *
 * Returns what fn returned, with its sentence, in which control characters became "\xNN"; the answer is there
 * whenever fn returned. -EUCLEAN: it was killed, crashed, went over a limit or said what is no
 * answer; the sentence names signal or limit. -ENOMEM: it wanted more memory than it may have. -ENOTSUP: no seccomp filters in this kernel
 * or on this architecture (x86_64 and aarch64 are known); nothing ran. -ENOMEM and others: the jail could not be built.
 *
 * The process forks: call it from one thread, or while no other thread holds a lock that fn needs (malloc's
 * own is no matter). Only what the answer says crosses the border, and its bytes are the word of a
 * stranger: the caller checks them like a foreign file. */
int cfs_sandbox_run(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		    struct cfs_sandbox_result *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
