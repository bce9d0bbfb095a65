/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Locks with a timeout and with the name of the process that holds them. Any user who can
 * open a file for reading can lock it, so a program that waits must say for which
 * process.
 */
#ifndef CFS_BASE_LOCK_H
#define CFS_BASE_LOCK_H

#include "base/err.h"
#include "base/watch.h"

enum {
	CFS_LOCK_NOTE_MS =
		2000, /* time until a message names the process that holds the lock */
	CFS_LOCK_POLL_MS = 10,
	CFS_LOCK_HOLDER_MAX = 192,
};

/* How to wait. A zeroed struct waits without a limit and reports nothing. */
struct cfs_lock_wait {
	int timeout_ms; /* negative: do not wait */
	/* Called once, after CFS_LOCK_NOTE_MS. May be NULL. */
	void (*note)(void *ctx, const char *holder);
	void *ctx;
	const struct cfs_watch *watch; /* ends the wait with -ECANCELED; may be NULL */
};

/* Takes a lock with flock(2); how is LOCK_SH or LOCK_EX. -EBUSY: the timeout has passed,
 * and err names the holder. Otherwise -errno of flock, for example on a filesystem
 * without locks. wait may be NULL. */
int cfs_lock_take(int fd, int how, const struct cfs_lock_wait *wait,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* Takes a shared lock over the whole file, as fcntl(2) has them, for the open file
 * description: it excludes the POSIX record locks of other programs, and other threads, and
 * ends when the descriptor and its copies are closed. fd is open for reading. The same
 * errors. */
int cfs_lock_take_record(int fd, const struct cfs_lock_wait *wait,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Describes the process that holds the lock, from /proc/locks: "process 12 (name) of user
 * 1000". If there are several, the first one. A lock is inherited by children, so the
 * process may have exited already. Returns buf. */
const char *cfs_lock_describe_holder(int fd, char buf[CFS_LOCK_HOLDER_MAX]);

/* Milliseconds of the monotonic clock. */
long long cfs_lock_get_now_ms(void);
void cfs_lock_sleep_ms(int ms);

#endif
