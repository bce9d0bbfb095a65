/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The sizes of all objects of a repository, on disk and in memory, by several threads. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "gc/usage_priv.h"

enum { OBJECTS_A_PIECE = 256 };

void gc_report_usage(const struct cfs_gc_usage *u, const char *stage, uint64_t done,
		     uint64_t all)
{
	cfs_watch_progress(
		u->opts->watch,
		&(struct cfs_progress){.stage = stage, .done = done, .all = all});
}

/* EPERM for files of other users is not an error: a warning says that the number is
 * unknown. */
static int measure_cached(struct cfs_gc_usage *u, unsigned worker, const char *path,
			  struct share_object *o, struct cfs_err *err)
{
	cfs_autofd int fd = cfs_beneath_open(u->objects_fd, path,
					     O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	int rc;

	if (fd < 0)
		return cfs_context(err, cfs_beneath_fail(fd, path, err), "objects");
	rc = cfs_io_measure_cached(fd, &o->cached);
	if (rc == -EPERM || rc == -EOPNOTSUPP) {
		u->cached_bad[worker] = true;
		return 0;
	}
	errno = -rc;
	return rc < 0 ? cfs_fail_errno(err, "objects/%s: what is in memory", path) : 0;
}

/* One item of the pool. A missing object counts as 0 bytes and is marked as missing.
 * Sizes are those on disk, unless the caller wants the apparent ones. */
static int measure_object(struct cfs_gc_usage *u, unsigned worker, size_t i,
			  struct cfs_err *err)
{
	struct cfs_digest id = cfs_ids_get(&u->mark.live, i);
	struct share_object *o = &u->objects[i];
	char path[CFS_OBJECT_PATH_MAX];
	struct stat st;
	int rc;

	o->held = cfs_ids_has(&u->held, id.bytes);
	cfs_digest_path(&id, path);
	rc = cfs_beneath_stat_near(&u->near[worker], u->objects_fd, path, &st);
	if (rc == -ENOENT) {
		o->missing = true;
		return 0;
	}
	if (rc < 0)
		return cfs_context(err, cfs_beneath_fail(rc, path, err), "objects");
	if (!S_ISREG(st.st_mode))
		return cfs_fail(err, EUCLEAN, "objects/%s: expected a regular file",
				path);
	o->bytes =
		u->opts->apparent ? (uint64_t)st.st_size : (uint64_t)st.st_blocks * 512;
	return u->opts->no_cached ? 0 : measure_cached(u, worker, path, o, err);
}

/* One item of the pool: 256 objects in the order of their names, so that threads read
 * different directories. */
static int measure_piece(void *ctx, unsigned worker, size_t piece, struct cfs_err *err)
{
	struct cfs_gc_usage *u = ctx;
	size_t i = piece * OBJECTS_A_PIECE, end = i + OBJECTS_A_PIECE;
	int rc = 0;

	if (worker == 0)
		gc_report_usage(u, "objects", i, u->mark.live.n);
	for (; rc == 0 && i < end && i < u->mark.live.n; i++) {
		rc = cfs_watch_poll(u->opts->watch, err);
		if (rc == 0)
			rc = measure_object(u, worker, i, err);
	}
	return rc;
}

/* Measures all objects on several threads. Whether all of them could be asked for
 * their pages is found out on the way. */
static int run_measuring(struct cfs_gc_usage *u, unsigned n_threads, struct cfs_err *err)
{
	size_t n = u->mark.live.n, pieces = (n + OBJECTS_A_PIECE - 1) / OBJECTS_A_PIECE;
	cfs_autofree bool *bad = calloc(n_threads, sizeof(*bad));
	int rc;

	u->objects = calloc(n + 1, sizeof(*u->objects));
	if (!bad || !u->objects || !u->near)
		return cfs_fail(err, ENOMEM, "out of memory");
	u->cached_bad = bad;
	rc = cfs_pool_run(n_threads, pieces, measure_piece, u, u->opts->watch, err);
	u->total.cached_known = !u->opts->no_cached;
	for (unsigned i = 0; i < n_threads; i++)
		u->total.cached_known &= !bad[i];
	return rc;
}

int gc_measure_objects(struct cfs_gc_usage *u, struct cfs_err *err)
{
	unsigned n_threads = cfs_pool_count_readers();
	cfs_autofd int fd = cfs_beneath_open(cfs_repo_get_dirfd(u->repo), "objects",
					     O_RDONLY | O_DIRECTORY, 0);
	int rc;

	if (fd < 0 && u->mark.live.n)
		return cfs_beneath_fail(fd, "objects", err);
	u->objects_fd = fd;
	u->near = cfs_beneath_new_near(n_threads);
	rc = run_measuring(u, n_threads, err);
	cfs_beneath_free_near(u->near, n_threads);
	return rc;
}
