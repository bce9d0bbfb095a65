/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The store as a whole: opening, syncing, committing. */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>

#include "store/store_priv.h"

/* Mode 0700: objects are readable even if the file in the image is not. */
static int make_store_dir(int dirfd, const char *path, struct cfs_err *err)
{
	int fd;

	if (dirfd == AT_FDCWD)
		return cfs_path_make_dir(path, 0700, NULL, err);
	fd = cfs_beneath_make_dir(dirfd, path, 0700);
	return fd < 0 ? cfs_beneath_fail(fd, "open directory", err) : fd;
}

static int open_store_dir(int dirfd, const char *path, struct cfs_err *err)
{
	cfs_autofd int dir = make_store_dir(dirfd, path, err);
	int fd;

	if (dir < 0)
		return cfs_context(err, dir, "object store %s", path);
	fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "object store %s", path) : fd;
}

static int init_worker(struct cfs_store *s, struct store_worker *w)
{
	w->buf = cfs_page_alloc(STORE_BUF_LEN + 1);
	w->pending = calloc(s->max_pending, sizeof(*w->pending));
	if (!w->buf || !w->pending)
		return -ENOMEM;
	return cfs_verity_new(s->opts.alg, &w->verity);
}

/* Half of the descriptors are left to the process. */
static unsigned pending_limit(const struct cfs_store_opts *opts)
{
	unsigned want = opts->max_pending ? opts->max_pending : CFS_STORE_PENDING_DEFAULT;
	struct rlimit lim;

	if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur / 2 < want)
		want = (unsigned)(lim.rlim_cur / 2);
	return want ? want : 1;
}

/* Fills in the defaults and makes a worker for each thread. The caller closes the
 * store after a failure, too. */
static int init_store(struct cfs_store *s, struct cfs_err *err)
{
	if (!s->opts.alg)
		s->opts.alg = CFS_SHA256;
	if (!s->opts.n_workers)
		s->opts.n_workers = 1;
	s->max_pending = pending_limit(&s->opts);
	/* With room for what the others add meanwhile. */
	s->sync_every = s->max_pending / (s->opts.n_workers > 1 ? 2 : 1);
	pthread_mutex_init(&s->lock, NULL);
	s->workers = calloc(s->opts.n_workers, sizeof(*s->workers));
	if (!s->workers)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->opts.n_workers; i++)
		if (init_worker(s, &s->workers[i]) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

/* Finds out whether files can be sealed here: then existing objects without fs-verity are
 * not accepted. */
static int try_seal(struct cfs_store *s, struct cfs_err *err)
{
	struct store_object probe;
	int rc = store_open_temp(s, &probe, err);

	if (rc < 0)
		return rc;
	cfs_verity_reset(s->workers[0].verity);
	cfs_verity_final(s->workers[0].verity, &probe.digest);
	rc = store_seal(s, &probe, err);
	store_drop(s, &probe);
	return rc;
}

/* Better now than after an hour of copying. */
static int probe_verity(struct cfs_store *s, struct cfs_err *err)
{
	int rc = 0;

	if (s->opts.require_verity || cfs_verity_is_supported(s->dirfd, NULL) != 0)
		rc = try_seal(s, err);
	/* Other errors are reported when the first object is added. */
	return s->opts.require_verity ? rc : 0;
}

const struct cfs_watch *cfs_store_watch(const struct cfs_store *s)
{
	return s->opts.watch;
}

int cfs_store_open(int dirfd, const char *path, const struct cfs_store_opts *opts,
		   struct cfs_store **out, struct cfs_err *err)
{
	struct cfs_store *s = calloc(1, sizeof(*s));
	int rc;

	if (!s)
		return cfs_fail(err, ENOMEM, "out of memory");
	s->opts = *opts;
	s->dirfd = -1;
	rc = init_store(s, err);
	if (rc == 0) {
		s->dirfd = open_store_dir(dirfd, path, err);
		rc = s->dirfd < 0 ? s->dirfd : 0;
	}
	if (rc == 0) {
		store_remove_leftovers(s);
		rc = probe_verity(s, err);
	}
	if (rc < 0) {
		cfs_store_close(s);
		return rc;
	}
	*out = s;
	return 0;
}

static void fini_worker(struct cfs_store *s, struct store_worker *w)
{
	for (unsigned i = 0; i < w->n_pending; i++)
		store_drop(s, &w->pending[i]);
	cfs_verity_free(w->verity);
	free(w->pending);
	free(w->again);
	free(w->buf);
}

void cfs_store_close(struct cfs_store *store)
{
	if (!store)
		return;
	for (unsigned i = 0; store->workers && i < store->opts.n_workers; i++)
		fini_worker(store, &store->workers[i]);
	free(store->workers);
	pthread_mutex_destroy(&store->lock);
	if (store->dirfd >= 0)
		close(store->dirfd);
	free(store);
}

int cfs_store_commit(struct cfs_store *store, struct cfs_err *err)
{
	int rc = cfs_watch_poll(store->opts.watch, err);

	if (rc == 0 && atomic_load(&store->n_pending))
		rc = store_sync(store, atomic_load(&store->n_begun), err);
	for (unsigned i = 0; rc == 0 && i < store->opts.n_workers; i++)
		rc = store_publish_pending(store, i, err);
	if (rc == 0 && atomic_load(&store->dirty))
		rc = store_sync(store, atomic_load(&store->n_begun), err);
	return rc;
}
