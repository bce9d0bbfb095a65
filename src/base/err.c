/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Errors have a fixed size, so that reporting one cannot fail. */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#undef cfs_fail
#undef cfs_fail_errno
#undef cfs_context

int cfs_fail(struct cfs_err *err, int errnum, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
	}
	return -errnum;
}

int cfs_fail_errno(struct cfs_err *err, const char *fmt, ...)
{
	int errnum = errno ? errno : EIO;
	char place[CFS_ERR_MAX];
	va_list ap;

	if (!err)
		return -errnum;
	va_start(ap, fmt);
	vsnprintf(place, sizeof(place), fmt, ap);
	va_end(ap);
	errno = errnum;
	snprintf(err->msg, sizeof(err->msg), "%m");
	return cfs_context(err, -errnum, "%s", place);
}

int cfs_context(struct cfs_err *err, int rc, const char *fmt, ...)
{
	char place[CFS_ERR_MAX];
	size_t msg_len;
	va_list ap;
	int n;

	if (rc >= 0 || !err)
		return rc;
	va_start(ap, fmt);
	n = vsnprintf(place, sizeof(place), fmt, ap);
	va_end(ap);
	msg_len = strlen(err->msg);
	if (n < 0 || (size_t)n + 2 + msg_len >= sizeof(err->msg))
		return rc;
	memmove(err->msg + n + 2, err->msg, msg_len + 1);
	memcpy(err->msg, place, (size_t)n);
	memcpy(err->msg + n, ": ", 2);
	return rc;
}
