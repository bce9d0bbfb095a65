/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base: a watch reports and cancels, and a watch that is not there does neither. */
#include "base/watch.h"

#include "t.h"

static char warned[CFS_ERR_MAX];
static struct cfs_progress seen;

static void keep_warning(void *ctx, const char *msg)
{
	(*(int *)ctx)++;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static void keep_progress(void *ctx, const struct cfs_progress *now)
{
	(*(int *)ctx)++;
	seen = *now;
}

T(watch_passes_on_progress_and_warnings)
{
	int n = 0;
	struct cfs_watch w = {keep_progress, keep_warning, &n, NULL};

	cfs_watch_warn(&w, "%s %d", "line", 7);
	t_str(warned, "line 7");
	cfs_watch_progress(&w, &(struct cfs_progress){.stage = "files", .done = 3});
	t_str(seen.stage, "files");
	t_eq(seen.done, 3);
	t_eq(n, 2);
}

T(watch_that_is_absent_or_empty_reports_nothing)
{
	struct cfs_watch empty = {0};
	struct cfs_err err;

	cfs_watch_warn(NULL, "x");
	cfs_watch_warn(&empty, "x");
	cfs_watch_progress(NULL, &seen);
	cfs_watch_progress(&empty, &seen);
	t_eq(cfs_watch_poll(NULL, &err), 0);
	t_eq(cfs_watch_poll(&empty, &err), 0);
}

T(watch_that_is_cancelled_ends_the_work)
{
	volatile sig_atomic_t cancelled = 0;
	struct cfs_watch w = {.cancelled = &cancelled};
	struct cfs_err err;

	t_eq(cfs_watch_poll(&w, &err), 0);
	cancelled = 1;
	t_eq(cfs_watch_poll(&w, &err), -ECANCELED);
	t_str(err.msg, "interrupted");
}
