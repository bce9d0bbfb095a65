/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Watches: how long work reports progress and warnings, and how it is cancelled. Every
 * function that can take longer than a moment has a watch parameter; pass NULL for
 * none. */
#ifndef CFS_BASE_WATCH_H
#define CFS_BASE_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* The progress of a stage. */
struct cfs_progress {
	const char *stage;	    /* the things counted: "files", "objects"; static */
	uint64_t done, all;	    /* all: 0 if the number is not known yet */
	uint64_t bytes_done, bytes; /* both 0: bytes are not counted */
};

/* Starts zeroed; each function may be NULL. The caller keeps it until the work
 * returns. */
struct cfs_watch {
	/* Called from time to time by the thread that started the work. */
	void (*progress)(void *ctx, const struct cfs_progress *now);
	/* Reports a sentence that is not an error. Called on any thread, one call at a
	 * time. */
	void (*warning)(void *ctx, const char *msg);
	void *ctx;
	/* Set to nonzero by a signal handler or another thread. The work then ends soon
	 * with -ECANCELED, in the same state as after a failure. */
	const volatile sig_atomic_t *cancelled;
};

static inline bool cfs_watch_is_cancelled(const struct cfs_watch *w)
{
	return w && w->cancelled && *w->cancelled;
}

/* -ECANCELED and the message "interrupted". */
int cfs_watch_fail(struct cfs_err *err);

/* Returns 0, or -ECANCELED if the watch is cancelled. Call it in each loop that can take
 * longer than 100 ms. */
static inline CFS_MUST_CHECK int cfs_watch_poll(const struct cfs_watch *w,
						struct cfs_err *err)
{
	return cfs_watch_is_cancelled(w) ? cfs_watch_fail(err) : 0;
}

/* Reports progress. Does nothing without a watch, or if it does not show progress. */
void cfs_watch_progress(const struct cfs_watch *w, const struct cfs_progress *now);

/* The caller makes sure that no other thread warns at the same time. */
void cfs_watch_warn(const struct cfs_watch *w, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Warnings of one kind, which can number in the millions. The first CFS_WATCH_KIND_MAX
 * are passed on, the others are counted. Starts with the watch and zeros. */
enum { CFS_WATCH_KIND_MAX = 10 };

struct cfs_watch_kind {
	const struct cfs_watch *watch;
	size_t n;
};

/* Counts the warning, and passes on the first CFS_WATCH_KIND_MAX of them. */
void cfs_watch_warn_kind(struct cfs_watch_kind *k, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Reports "and N more WHAT" if more warnings were counted than passed on. */
void cfs_watch_end_kind(const struct cfs_watch_kind *k, const char *what);

#endif
