/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A watch on long work: how the work reports progress and warnings, and how it is stopped. Every room that
 * works for longer than a moment takes one, and NULL where nobody watches. */
#ifndef CFS_BASE_WATCH_H
#define CFS_BASE_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* How far a stage of the work is. */
struct cfs_progress {
	const char *stage;	    /* what is counted: "files", "objects"; static */
	uint64_t done, all;	    /* all 0: the number is not known yet */
	uint64_t bytes_done, bytes; /* both 0: bytes are not counted */
};

/* Starts zeroed; each function may be NULL. Lent to the work until it returns. */
struct cfs_watch {
	/* Called by the thread that began the work, now and then. */
	void (*progress)(void *ctx, const struct cfs_progress *now);
	/* A sentence about what is no failure. Called on any thread, one call at a time. */
	void (*warning)(void *ctx, const char *msg);
	void *ctx;
	/* Set to other than 0 by a signal handler or another thread: the work ends soon, with -ECANCELED, and
	 * leaves behind what a failure would. */
	const volatile sig_atomic_t *cancelled;
};

static inline bool cfs_watch_is_cancelled(const struct cfs_watch *w)
{
	return w && w->cancelled && *w->cancelled;
}

/* To be asked in each loop that may take longer than 100 ms: 0, or -ECANCELED. */
int cfs_watch_poll(const struct cfs_watch *w, struct cfs_err *err) CFS_MUST_CHECK;

void cfs_watch_progress(const struct cfs_watch *w, const struct cfs_progress *now);

/* The caller sees to it that no other thread warns at the same time. */
void cfs_watch_warn(const struct cfs_watch *w, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Warnings of one kind, of which there can be millions: the first CFS_WATCH_KIND_MAX are passed on, the others
 * are counted. Starts with the watch and zeros. */
enum { CFS_WATCH_KIND_MAX = 10 };

struct cfs_watch_kind {
	const struct cfs_watch *watch;
	size_t n;
};

void cfs_watch_warn_kind(struct cfs_watch_kind *k, const char *fmt, ...) CFS_PRINTF(2, 3);

/* "and N more WHAT", if some were counted only. */
void cfs_watch_end_kind(const struct cfs_watch_kind *k, const char *what);

#endif
