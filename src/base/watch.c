/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Watches on long work. */
#include "base/watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int cfs_watch_poll(const struct cfs_watch *w, struct cfs_err *err)
{
	return cfs_watch_is_cancelled(w) ? cfs_fail(err, ECANCELED, "interrupted") : 0;
}

void cfs_watch_progress(const struct cfs_watch *w, const struct cfs_progress *now)
{
	if (w && w->progress)
		w->progress(w->ctx, now);
}

void cfs_watch_warn(const struct cfs_watch *w, const char *fmt, ...)
{
	char msg[CFS_ERR_MAX];
	va_list ap;

	if (!w || !w->warning)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	w->warning(w->ctx, msg);
}
