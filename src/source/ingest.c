/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Scans a directory, stores the contents and remembers the digests. Connects the rooms
 * scan, store and cache, which do not know each other. */
#include "source/ingest.h"

#include <fcntl.h>

#include "cache/cache.h"
#include "erofs/erofs.h"

struct job {
	const struct cfs_watch *watch;
	struct cfs_store *store; /* NULL: compute digests only */
	struct cfs_cache *cache; /* NULL: no cache */
	struct cfs_own_places own;
	struct cfs_watch_kind mounts, places;
};

static int store_file(void *ctx, unsigned worker, int fd, const struct stat *st,
		      const char *path, struct cfs_digest *out, struct cfs_err *err)
{
	struct job *job = ctx;

	(void)path;
	return cfs_store_add_fd(job->store, worker, fd, (uint64_t)st->st_size, out, err);
}

/* A cached digest counts only if the object still exists. */
static bool find_cached_digest(void *ctx, unsigned worker, const struct stat *st,
			       struct cfs_digest *out)
{
	struct job *job = ctx;

	(void)worker;
	return cfs_cache_find(job->cache, st, out) &&
	       (!job->store || cfs_store_has(job->store, out, (uint64_t)st->st_size));
}

static int keep_cached_digest(void *ctx, const struct stat *st,
			      const struct cfs_digest *digest, struct cfs_err *err)
{
	struct job *job = ctx;

	return cfs_cache_add(job->cache, st, digest, err);
}

static int open_ingest_store(struct job *job, const struct cfs_ingest *in,
			     struct cfs_err *err)
{
	struct cfs_store_opts opts = {
		.alg = in->scan.alg,
		.n_workers = cfs_scan_threads(&in->scan),
		.require_verity = in->require_verity,
		.watch = job->watch,
	};
	int rc = cfs_store_open(AT_FDCWD, in->store, &opts, &job->store, err);

	return cfs_context(err, rc, "cannot fill store");
}

static int open_cache(struct job *job, const struct cfs_ingest *in, struct cfs_err *err)
{
	struct cfs_cache_opts opts = {.alg = in->scan.alg, .watch = job->watch};

	return cfs_cache_open(in->cache, in->source, &opts, &job->cache, err);
}

/* Warns about what the scan left out. The warnings are grouped by kind, so that a
 * directory with many mounts does not fill the terminal. */
static void warn_left_out(void *ctx, const struct cfs_scan_left *left)
{
	struct job *job = ctx;

	switch (left->kind) {
	case CFS_SCAN_LEFT_EXCLUDED:
		cfs_watch_warn_kind(&job->places,
				    "%s: left out of the image, because it is %s",
				    left->path, left->what);
		break;
	case CFS_SCAN_LEFT_MOUNT:
		cfs_watch_warn_kind(&job->mounts,
				    "%s: left empty, because it is another mount",
				    left->path);
		break;
	case CFS_SCAN_LEFT_MOUNTED_FILE:
		cfs_watch_warn_kind(
			&job->mounts,
			"%s: left out of the image, because it is another mount",
			left->path);
		break;
	case CFS_SCAN_LEFT_NOTHING:
		cfs_watch_warn_kind(
			&job->places,
			"%s: the source is %s, which becomes part of the image",
			left->path, left->what);
		break;
	}
}

/* Collects the places that are written during the scan, so that they do not become part
 * of the tree. */
static int find_job_places(struct job *job, const struct cfs_ingest *in,
			   struct cfs_err *err)
{
	int rc = 0;

	job->own = in->own;
	if (in->store)
		rc = cfs_own_places_add_dir(&job->own, in->store, "the object store",
					    err);
	if (rc == 0 && job->cache)
		rc = cfs_own_places_add_file(&job->own, cfs_cache_get_file(job->cache),
					     "the digest cache", err);
	return rc;
}

/* Scans the source into *out. Contents go to the store if there is one; otherwise only
 * digests are computed. The cache is asked before any file is read. */
static int run_scan(struct job *job, const struct cfs_ingest *in, struct cfs_tree **out,
		    struct cfs_err *err)
{
	struct cfs_scan_memory memory = {find_cached_digest, keep_cached_digest, job};
	struct cfs_scan_opts opts = in->scan;

	opts.watch = job->watch;
	if (job->store)
		opts.file = store_file;
	opts.file_ctx = job;
	if (job->cache)
		opts.memory = &memory;
	if (in->skip_unshown_xattrs)
		opts.wants_xattr = cfs_image_shows_xattr;
	opts.exclude = job->own.v;
	opts.n_exclude = job->own.n;
	opts.left = warn_left_out;
	opts.left_ctx = job;
	return cfs_scan(AT_FDCWD, in->source, &opts, out, err);
}

static int commit_all(struct job *job, const struct cfs_ingest *in, struct cfs_err *err)
{
	int rc = job->store && !in->into ? cfs_store_commit(job->store, err) : 0;

	rc = cfs_context(err, rc, "cannot fill store");
	if (rc == 0 && job->cache)
		rc = cfs_cache_save(job->cache, err);
	return rc;
}

/* Opens the parts, scans and commits. A tree whose objects are not on disk must not be
 * used, so a failed commit frees it. */
static int run_job(struct job *job, const struct cfs_ingest *in, struct cfs_tree **out,
		   struct cfs_err *err)
{
	int rc = in->cache ? open_cache(job, in, err) : 0;

	job->store = in->into;
	if (rc == 0 && in->store)
		rc = open_ingest_store(job, in, err);
	if (rc == 0)
		rc = find_job_places(job, in, err);
	if (rc == 0)
		rc = run_scan(job, in, out, err);
	cfs_watch_end_kind(&job->mounts, "mounts");
	if (rc < 0)
		return rc;
	rc = commit_all(job, in, err);
	if (rc < 0)
		cfs_tree_free(cfs_steal(out));
	return rc;
}

int cfs_ingest_directory(const struct cfs_ingest *in, struct cfs_tree **out,
			 struct cfs_err *err)
{
	struct job job = {
		.watch = in->watch,
		.mounts.watch = in->watch,
		.places.watch = in->watch,
	};
	int rc;

	rc = run_job(&job, in, out, err);
	cfs_cache_close(job.cache);
	if (!in->into)
		cfs_store_close(job.store);
	return rc;
}
