/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Runs the stages of a scan: walk, read, assemble. */
#include "scan/scan.h"

#include <errno.h>
#include <fcntl.h>

#include "scan/scan_priv.h"

unsigned cfs_scan_threads(const struct cfs_scan_opts *opts)
{
	unsigned n = opts->threads ? opts->threads : cfs_pool_count_readers();

	return n < SCAN_THREADS_MAX ? n : SCAN_THREADS_MAX;
}

/* Options that contradict each other are errors of the caller, found before
 * anything is read. */
static int check_opts(const struct cfs_scan_opts *opts, struct cfs_err *err)
{
	if (opts->skip_xattrs && opts->user_xattrs)
		return cfs_fail(err, EINVAL,
				"skip_xattrs and user_xattrs exclude each other");
	if (opts->inline_max > CFS_CONTENT_MAX)
		return cfs_fail(err, EINVAL,
				"inline limit: expected at most %d bytes, got %d",
				(int)CFS_CONTENT_MAX, opts->inline_max);
	if (opts->no_digests && (opts->file || opts->memory))
		return cfs_fail(err, EINVAL, "no_digests excludes file and memory");
	if (opts->failed_path && cfs_scan_threads(opts) != 1)
		return cfs_fail(err, EINVAL, "failed_path: expected one thread, got %u",
				cfs_scan_threads(opts));
	return 0;
}

static int worker_init(struct scan *s, struct scan_worker *w)
{
	w->fd = -1;
	w->dir = SCAN_NONE;
	w->dents = malloc(SCAN_DENTS_LEN);
	w->keys = malloc(SCAN_NAMES_LEN);
	w->xattr = malloc(SCAN_XATTR_LEN);
	if (!w->dents || !w->keys || !w->xattr)
		return -ENOMEM;
	return s->opts->file ? 0
			     : cfs_verity_batch_new(s->alg, s->opts->watch, &w->batch);
}

static void worker_fini(struct scan_worker *w)
{
	cfs_arena_fini(&w->arena);
	cfs_verity_batch_free(w->batch);
	if (w->fd >= 0)
		close(w->fd);
	free(w->chain);
	free(w->names);
	free(w->dents);
	free(w->keys);
	free(w->xattr);
}

void cfs_scan_fini(struct scan *s)
{
	for (unsigned i = 0; s->workers && i < s->threads; i++)
		worker_fini(&s->workers[i]);
	free(s->workers);
	free(s->groups);
	free(s->files);
	free(s->dirs);
	if (s->rootfd >= 0)
		close(s->rootfd);
}

int cfs_scan_init(struct scan *s, struct cfs_err *err)
{
	int rc = check_opts(s->opts, err);

	if (rc < 0)
		return rc;
	if (s->opts->failed_path)
		*s->opts->failed_path = NULL;
	s->alg = s->opts->alg ? s->opts->alg : CFS_SHA256;
	if (s->opts->inline_max >= 0)
		s->inline_max = s->opts->inline_max ? (uint64_t)s->opts->inline_max
						    : CFS_SCAN_INLINE_DEFAULT;
	s->workers = calloc(s->threads, sizeof(*s->workers));
	if (!s->workers)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (unsigned i = 0; i < s->threads; i++)
		s->workers[i].fd = -1;
	for (unsigned i = 0; i < s->threads; i++)
		if (worker_init(s, &s->workers[i]) < 0)
			return cfs_fail(err, ENOMEM, "out of memory");
	return 0;
}

static int open_scan_root(struct scan *s, int dirfd, struct cfs_err *err)
{
	s->rootfd =
		openat(dirfd, s->path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (s->rootfd >= 0)
		return cfs_scan_find_mount(s, err);
	cfs_scan_keep_path(s, s->path);
	return cfs_fail_errno(err, "error accessing %s", s->path);
}

static int scan_run(struct scan *s, struct cfs_tree **out, struct cfs_err *err)
{
	int rc = cfs_scan_walk(s, err);

	if (rc == 0)
		rc = cfs_scan_group_links(s, err);
	if (rc == 0)
		rc = cfs_scan_read_files(s, err);
	if (rc == 0)
		rc = cfs_scan_assemble(s, out, err);
	return rc;
}

int cfs_scan(int dirfd, const char *path, const struct cfs_scan_opts *opts,
	     struct cfs_tree **out, struct cfs_err *err)
{
	struct scan s = {
		.opts = opts,
		.threads = cfs_scan_threads(opts),
		.path = path,
		.rootfd = -1,
	};
	int rc = cfs_scan_init(&s, err);

	if (rc == 0)
		rc = open_scan_root(&s, dirfd, err);
	if (rc == 0)
		rc = scan_run(&s, out, err);
	cfs_scan_fini(&s);
	return rc;
}
