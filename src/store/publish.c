/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Giving complete objects their names. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "store/store_priv.h"

enum { NAME_TRIES = 100 };

/* Opens the directory of the object, and creates it if it is missing. It stays open while
 * the object gets its name: a user who may write to the store could replace it by a
 * symbolic link between two calls. */
static int open_publish_dir(struct cfs_store *s, const char *path, struct cfs_err *err)
{
	char name[3] = {path[0], path[1], '\0'};
	int fd = cfs_beneath_make_dir(s->dirfd, name, 0755);

	return fd < 0 ? cfs_beneath_fail(fd, name, err) : fd;
}

/* Replaces whatever has the name by the new file. */
static int put_over(struct cfs_store *s, struct store_object *o, int dir,
		    const char *name, struct cfs_err *err)
{
	int rc = o->tmp[0] ? 0 : store_name_temp(s, o, err);

	if (rc < 0)
		return rc;
	if (renameat(s->dirfd, o->tmp, dir, name) < 0)
		return cfs_fail_errno(err, "rename");
	o->tmp[0] = '\0';
	return 0;
}

/* Puts a good object in the place of a damaged one. The old one is kept until the new
 * one is there, since something may have it open. */
static int replace_bad(struct cfs_store *s, struct store_object *o, int dir,
		       const char *name, struct cfs_err *err)
{
	const struct cfs_store_opts *opts = &s->opts;
	int number = 0, rc;

	if (opts->keep_replaced)
		number = opts->keep_replaced(opts->replaced_ctx, &o->digest, err);
	if (number == -ENOENT) /* removed by another process meanwhile */
		return -EAGAIN;
	rc = number < 0 ? number : put_over(s, o, dir, name, err);
	if (rc == 0 && opts->drop_replaced)
		rc = opts->drop_replaced(opts->replaced_ctx, &o->digest, number, err);
	return rc;
}

/* Tries once. -EAGAIN: the file or the directory was removed by another process. */
static int try_name(struct cfs_store *s, struct store_object *o, int dir,
		    const char *path, struct cfs_err *err)
{
	const char *name = path + STORE_PREFIX_LEN;
	struct cfs_err why = {0};
	int rc = -EEXIST;

	if (!o->tmp[0])
		rc = cfs_io_publish(o->fd, dir, name, err);
	if (rc == -ENOENT)
		return -EAGAIN;
	if (rc != -EEXIST)
		return rc;
	switch (store_find_in(s, dir, &o->digest, o->size, &why)) {
	case STORE_GOOD:
		return 0;
	case STORE_MISSING:
		if (o->tmp[0])
			return put_over(s, o, dir, name, err);
		return cfs_fail(err, EAGAIN, "another process keeps removing it");
	case STORE_BAD:
		break;
	case STORE_UNKNOWN:
		return cfs_fail(err, EIO, "what is there cannot be examined: %s",
				why.msg);
	}
	rc = replace_bad(s, o, dir, name, err);
	if (rc == 0)
		store_warn(s, "object %s was damaged and is replaced: %s", path, why.msg);
	return rc;
}

static int name_object(struct cfs_store *s, struct store_object *o, struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX];
	int rc = -EAGAIN;

	cfs_digest_path(&o->digest, path);
	for (int i = 0; rc == -EAGAIN && i < NAME_TRIES; i++) {
		cfs_autofd int dir = open_publish_dir(s, path, err);

		rc = dir < 0 ? dir : try_name(s, o, dir, path, err);
	}
	return cfs_context(err, rc, "object %s", path);
}

static int publish_object(struct cfs_store *s, struct store_object *o,
			  struct cfs_err *err)
{
	int rc = store_seal(s, o, err);

	if (rc == 0)
		rc = name_object(s, o, err);
	if (rc < 0)
		return rc;
	store_drop(s, o);
	atomic_store(&s->dirty, true);
	return 0;
}

int store_publish_pending(struct cfs_store *s, unsigned worker, struct cfs_err *err)
{
	struct store_worker *w = &s->workers[worker];
	uint64_t n_synced = atomic_load(&s->n_synced);
	unsigned n = 0;
	int rc = 0;

	while (n < w->n_pending && w->pending[n].after < n_synced) {
		rc = cfs_watch_poll(s->opts.watch, err);
		if (rc == 0)
			rc = publish_object(s, &w->pending[n], err);
		if (rc < 0)
			break;
		n++;
	}
	w->n_pending -= n;
	memmove(w->pending, w->pending + n, w->n_pending * sizeof(*w->pending));
	atomic_fetch_sub(&s->n_pending, n);
	return rc;
}

int store_enqueue(struct cfs_store *s, unsigned worker, struct store_object *o,
		  struct cfs_err *err)
{
	struct store_worker *w = &s->workers[worker];
	uint64_t after = atomic_load(&s->n_begun);
	int rc = 0;

	o->after = after;
	w->pending[w->n_pending++] = *o;
	*o = (struct store_object){.fd = -1};
	atomic_fetch_add(&s->n_pending, 1);
	if (atomic_fetch_add(&s->n_new, 1) + 1 >= s->sync_every)
		rc = store_try_sync(s, after, err);
	if (rc == 0)
		rc = store_publish_pending(s, worker, err);
	if (rc < 0 || atomic_load(&s->n_pending) < s->max_pending)
		return rc;
	rc = store_sync(s, after, err);
	return rc < 0 ? rc : store_publish_pending(s, worker, err);
}
