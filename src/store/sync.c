/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Syncing the filesystem of a store, and warnings. Each is done by one thread at a
 * time. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "store/store_priv.h"

/* The kernel reports a lost write only once for each descriptor: so an error that one
 * thread gets is kept for all. The caller holds the lock. */
static int sync_all(struct cfs_store *s, uint64_t after)
{
	uint64_t number;

	if (s->sync_rc < 0 || atomic_load(&s->n_synced) > after)
		return s->sync_rc;
	/* Before it begins: what is written from here on may not be part of it. */
	number = atomic_fetch_add(&s->n_begun, 1) + 1;
	atomic_store(&s->n_new, 0);
	atomic_store(&s->dirty, false);
	if (syncfs(s->dirfd) < 0)
		s->sync_rc = -errno;
	else
		atomic_store(&s->n_synced, number);
	return s->sync_rc;
}

static int unlock_store(struct cfs_store *s, int rc, struct cfs_err *err)
{
	pthread_mutex_unlock(&s->lock);
	if (rc == 0)
		return 0;
	errno = -rc;
	return cfs_fail_errno(err, "object store: sync");
}

int store_sync(struct cfs_store *s, uint64_t after, struct cfs_err *err)
{
	pthread_mutex_lock(&s->lock);
	return unlock_store(s, sync_all(s, after), err);
}

int store_try_sync(struct cfs_store *s, uint64_t after, struct cfs_err *err)
{
	if (pthread_mutex_trylock(&s->lock) != 0)
		return 0;
	return unlock_store(s, sync_all(s, after), err);
}

void store_warn(struct cfs_store *s, const char *fmt, ...)
{
	char msg[CFS_ERR_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	pthread_mutex_lock(&s->lock);
	cfs_watch_warn(s->opts.watch, "%s", msg);
	pthread_mutex_unlock(&s->lock);
}
