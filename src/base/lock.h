/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Locks that are waited for, with an end and with the name of the process that holds them. Whoever can open
 * a file for reading can lock it: a lock is never waited for in silence.
 */
#ifndef CFS_BASE_LOCK_H
#define CFS_BASE_LOCK_H

#include "base/err.h"
#include "base/watch.h"

enum {
	CFS_LOCK_NOTE_MS = 2000, /* wait before a note names the holder */
	CFS_LOCK_POLL_MS = 10,
	CFS_LOCK_HOLDER_MAX = 192,
};

/* Zero waits as long as it takes, and tells nobody. */
struct cfs_lock_wait {
	int timeout_ms; /* negative: not at all */
	/* Called once, after CFS_LOCK_NOTE_MS; may be NULL. */
	void (*note)(void *ctx, const char *holder);
	void *ctx;
	const struct cfs_watch *watch; /* may be NULL: ends the wait with -ECANCELED */
};

/* flock(2) with how LOCK_SH or LOCK_EX. -EBUSY: the time is up, and err says who holds it; else -errno of
 * flock, as of a file system without locks. wait may be NULL. */
int cfs_lock_take(int fd, int how, const struct cfs_lock_wait *wait,
		  struct cfs_err *err) CFS_MUST_CHECK;

/* "process 12 (name) of user 1000", as /proc/locks has it, or what is known of it; returns buf. The
 * process may be another one's parent that has ended: a lock is inherited. Of several holders the first. */
const char *cfs_lock_holder(int fd, char buf[CFS_LOCK_HOLDER_MAX]);

/* Milliseconds that only ever grow. */
long long cfs_lock_now_ms(void);
void cfs_lock_sleep_ms(int ms);

#endif
