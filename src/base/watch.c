/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Watches on long work. */
#include "base/watch.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

int cfs_watch_fail(struct cfs_err *err)
{
	return cfs_fail(err, ECANCELED, "interrupted");
}

void cfs_watch_progress(const struct cfs_watch *w, const struct cfs_progress *now)
{
	if (w && w->progress)
		w->progress(w->ctx, now);
}

CFS_PRINTF(2, 0)
static void warn_va(const struct cfs_watch *w, const char *fmt, va_list ap)
{
	char msg[CFS_ERR_MAX];

	if (!w || !w->warning)
		return;
	vsnprintf(msg, sizeof(msg), fmt, ap);
	w->warning(w->ctx, msg);
}

void cfs_watch_warn(const struct cfs_watch *w, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	warn_va(w, fmt, ap);
	va_end(ap);
}

void cfs_watch_warn_kind(struct cfs_watch_kind *k, const char *fmt, ...)
{
	va_list ap;

	if (k->n++ >= CFS_WATCH_KIND_MAX)
		return;
	va_start(ap, fmt);
	warn_va(k->watch, fmt, ap);
	va_end(ap);
}

void cfs_watch_end_kind(const struct cfs_watch_kind *k, const char *what)
{
	if (k->n > CFS_WATCH_KIND_MAX)
		cfs_watch_warn(k->watch, "and %zu more %s", k->n - CFS_WATCH_KIND_MAX,
			       what);
}
