/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* child: child processes that run other programs.
 * Owns:  starting a program, its standard input, its exit status.
 * Uses:  base.
 * Never: knows the purpose of a program.
 */
#ifndef CFS_CHILD_H
#define CFS_CHILD_H

#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"
#include "base/watch.h"

/* Returns an unnamed file that holds the bytes, at offset 0, as standard input of a
 * child. Unlike a pipe it has a size, which openssl needs, and no second process has to
 * write it. */
int cfs_child_make_input(struct cfs_span bytes, struct cfs_err *err) CFS_MUST_CHECK;

/* Finds one of our programs: in the directory of the running program, then where "meson
 * install" puts programs that only our programs run (libexec/composefs), otherwise through
 * PATH. Returns its path, which may be in buf. */
const char *cfs_child_find(const char *name, char buf[4096]);

/* Starts argv[0], searched in PATH, with these descriptors as standard input and
 * output. */
int cfs_child_start(const char *const *argv, int in, int out, pid_t *pid,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The same, with a further descriptor of the child, CFS_CHILD_EXTRA. extra: -1 for none. */
enum { CFS_CHILD_EXTRA = 3 };
int cfs_child_start_with(const char *const *argv, int in, int out, int extra, pid_t *pid,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Waits until the child exits. -EIO: it failed. If watch (may be NULL) is cancelled, the
 * child is killed, and the result is -ECANCELED. */
int cfs_child_wait(pid_t pid, const char *name, const struct cfs_watch *watch,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Waits for a child that has no work left. If it does not exit within 5 seconds, it is
 * killed, and the result is -EIO. */
int cfs_child_finish(pid_t pid, const char *name, struct cfs_err *err) CFS_MUST_CHECK;

/* Kills the child with SIGKILL and waits until it is gone. */
void cfs_child_kill(pid_t pid);

#endif
