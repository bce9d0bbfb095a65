/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* child: other programs that do a part of the work.
 * Owns:  starting one, what it reads, whether it came to a good end.
 * Uses:  base.
 * Never: knows what for.
 */
#ifndef CFS_CHILD_H
#define CFS_CHILD_H

#include <sys/types.h>

#include "base/base.h"
#include "base/watch.h"

/* A file without a name that holds the bytes, read from the start: what a child reads. Unlike a pipe it has
 * a size, which openssl wants, and nobody has to be there to read it. Returns the descriptor. */
int cfs_child_input(struct cfs_span bytes, struct cfs_err *err) CFS_MUST_CHECK;

/* A program of ours: the one beside this program, where both were built or installed, else that of PATH. Returns its path,
 * which may be in buf. */
const char *cfs_child_find(const char *name, char buf[4096]);

/* Starts argv[0], found as by the shell, with these descriptors as standard input and output. */
int cfs_child_start(const char *const *argv, int in, int out, pid_t *pid,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Waits for its end. -EIO: it failed. When watch (may be NULL) is cancelled, the child is killed: -ECANCELED. */
int cfs_child_wait(pid_t pid, const char *name, const struct cfs_watch *watch,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* The same of one that has nothing left to do: one that does not end within some seconds is killed, and that is a
 * failure. */
int cfs_child_finish(pid_t pid, const char *name, struct cfs_err *err) CFS_MUST_CHECK;

/* Kills it, whatever it is at, and waits for its end. */
void cfs_child_kill(pid_t pid);

#endif
