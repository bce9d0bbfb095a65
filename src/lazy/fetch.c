/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Fetching a batch of objects: one source after the other, for what the sources before do not have. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/beneath.h"
#include "fetch/client.h"
#include "lazy/lazy_priv.h"

enum {
	BATCH_MAX = 256,
	TRIES = 3,	  /* of a server that fails */
	RETRY_MS = 10000, /* no further try after this time */
	PAUSE_MS = 200,	  /* before the second try; longer before the next */
};

/* An object that is not in the store yet. */
struct wanted {
	struct cfs_trigger_want *want;
	uint64_t size;
};

struct batch {
	const struct cfs_lazy *lazy;
	const struct cfs_watch *watch;
	struct cfs_store *store;
	struct wanted v[BATCH_MAX];
	size_t n;
	/* The request of a server: indexes of v. */
	size_t asked[BATCH_MAX];
};

enum { ADDED = 1 }; /* in the code of an object: added to the store, but not on disk */

/* Adds the content of a file to the store. 1: it was right; 0: it was not. */
static int add_fetched_file(struct batch *b, struct wanted *w, int fd,
			    struct cfs_err *err)
{
	struct stat st;
	int rc;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != w->size)
		return 0;
	rc = cfs_store_add_expected(b->store, 0, fd, w->size, &w->want->id, err);
	if (rc == -EILSEQ || rc == -ESTALE)
		return 0;
	if (rc == 0)
		w->want->code = ADDED;
	return rc < 0 ? rc : 1;
}

/* --- directories -------------------------------------------------------------------- */

/* A file that cannot be opened counts as missing. */
static int try_path(struct batch *b, struct wanted *w, int dirfd, const char *between,
		    struct cfs_err *err)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + sizeof("objects/")];
	cfs_autofd int fd = -1;

	snprintf(below, sizeof(below), "%s%s", between,
		 cfs_digest_path(&w->want->id, path));
	fd = cfs_beneath_open(dirfd, below, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW,
			      0);
	return fd < 0 ? 0 : add_fetched_file(b, w, fd, err);
}

static int copy_from_object_dir(struct batch *b, int dirfd, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < b->n; i++) {
		if (b->v[i].want->code == ADDED)
			continue;
		rc = try_path(b, &b->v[i], dirfd, "objects/", err);
		if (rc == 0)
			rc = try_path(b, &b->v[i], dirfd, "", err);
	}
	return rc < 0 ? rc : 0;
}

/* --- servers ------------------------------------------------------------------------ */

static int add_wanted_file(void *ctx, size_t i, int fd, struct cfs_err *err)
{
	struct batch *b = ctx;

	return add_fetched_file(b, &b->v[b->asked[i]], fd, err);
}

/* Asks once. 1: the server failed, and another try may help. */
static int ask_server(struct batch *b, const char *url, struct cfs_err *err)
{
	const struct cfs_fetch_server server = {url, b->lazy->repo_path, b->watch};
	struct cfs_fetch_want wants[BATCH_MAX];
	struct cfs_fetch_tally tally;
	size_t n = 0;
	int rc;

	for (size_t i = 0; i < b->n; i++) {
		if (b->v[i].want->code == ADDED)
			continue;
		wants[n] = (struct cfs_fetch_want){b->v[i].want->id, b->v[i].size};
		b->asked[n++] = i;
	}
	if (n == 0)
		return 0;
	rc = cfs_fetch_objects(&server, wants, n, add_wanted_file, b, &tally, err);
	return rc < 0 ? rc : tally.fetched + tally.absent + tally.wrong < n;
}

static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

static int try_server(struct batch *b, const char *url, struct cfs_err *err)
{
	long long until = cfs_lock_get_now_ms() + RETRY_MS;
	int rc = ask_server(b, url, err);

	for (int try = 1; rc > 0 && try < TRIES && cfs_lock_get_now_ms() < until &&
			  !cfs_watch_is_cancelled(b->watch);
	     try++) {
		sleep_ms((long)PAUSE_MS * try * try);
		rc = ask_server(b, url, err);
	}
	return rc < 0 ? rc : 0;
}

/* --- a batch ------------------------------------------------------------------------ */

/* A local failure, such as a full disk, ends the batch. */
static int try_lazy_sources(struct batch *b, struct cfs_err *err)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < b->lazy->n_sources; i++) {
		const struct cfs_lazy_source *s = &b->lazy->sources[i];

		rc = s->url ? try_server(b, s->url, err)
			    : copy_from_object_dir(b, s->dirfd, err);
	}
	return rc;
}

/* Sources may be slow, so the lock of the repository is released meanwhile. The image is in use, so that a collector that runs then keeps its
 * objects. */
static int fetch_needed_unlocked(struct batch *b, const struct cfs_repo *repo,
				 struct cfs_err *err)
{
	int rc;

	cfs_repo_unlock(repo);
	rc = try_lazy_sources(b, err);
	if (rc == 0)
		rc = cfs_repo_relock(repo, err);
	return rc < 0 ? rc : cfs_store_commit(b->store, err);
}

/* Opens the repository for one batch, so that its lock is not held for the life of the
 * server: garbage collection must be able to run. */
static int run_batch(struct batch *b, struct cfs_err *err)
{
	const struct cfs_store_opts opts = {.watch = b->watch};
	struct cfs_repo *repo;
	int rc = cfs_repo_open(b->lazy->repo_path, CFS_REPO_WRITE, &repo, err);

	if (rc < 0)
		return rc;
	rc = cfs_repo_open_store(repo, &opts, &b->store, err);
	if (rc == 0) {
		rc = fetch_needed_unlocked(b, repo, err);
		cfs_store_close(b->store);
	}
	cfs_repo_close(repo);
	return rc;
}

void cfs_lazy_fetch(void *ctx, const struct cfs_watch *watch, struct cfs_trigger_want *v,
		    size_t n)
{
	struct batch b = {.lazy = ctx, .watch = watch};
	int rc;

	for (size_t i = 0; i < n; i++) {
		const struct cfs_lazy_object *o =
			lazy_find_object(&b.lazy->objects, &v[i].id);

		v[i].code = -EIO;
		if (o && b.n < BATCH_MAX)
			b.v[b.n++] = (struct wanted){&v[i], o->size};
	}
	rc = b.n ? run_batch(&b, NULL) : 0;
	for (size_t i = 0; i < b.n; i++)
		if (b.v[i].want->code == ADDED)
			b.v[i].want->code = rc;
}
