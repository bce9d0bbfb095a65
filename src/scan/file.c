/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reads the contents. Each regular file is read once, on any thread. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>

#include "scan/scan_priv.h"

/* Files of this size are read first, so that no thread is left alone with a large file at
 * the end. */
#define BIG (UINT64_C(8) << 20)

/* The least part of a file that is worth a thread. */
#define SHARE_MIN (UINT64_C(4) << 20)

/* A stage of reading: the files from first on, each read by n_readers threads. */
struct reading {
	struct scan *s;
	size_t first;
	unsigned n_readers;
};

static bool is_follower(const struct scan *s, const struct scan_entry *e)
{
	return e->index != SCAN_NONE && s->groups[e->index].leader != e;
}

static bool is_read(const struct scan *s, const struct scan_entry *e)
{
	return S_ISREG(e->mode) && e->size > 0 &&
	       (cfs_scan_is_inline(s, e) || !s->opts->no_digests);
}

static int compare_by_order(const void *a, const void *b)
{
	const struct scan_file *x = a, *y = b;
	uint64_t nx = x->entry->size >= BIG ? x->entry->size : 0;
	uint64_t ny = y->entry->size >= BIG ? y->entry->size : 0;

	if (nx != ny)
		return nx > ny ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

/* Lists the files: big ones by size, then all others in the order of the walk, so that
 * files of one directory are read one after another. */
static int list_files(struct scan *s, struct cfs_err *err)
{
	for (size_t i = 0; i < s->n_dirs; i++) {
		for (uint32_t k = 0; k < s->dirs[i].n_entries; k++) {
			struct scan_entry *e = &s->dirs[i].entries[k];

			if (!is_read(s, e) || is_follower(s, e))
				continue;
			if (cfs_grow(&s->files, &s->files_cap, s->n_files + 1,
				     sizeof(*s->files)) < 0)
				return cfs_fail(err, ENOMEM, "out of memory");
			s->files[s->n_files] =
				(struct scan_file){e, (uint32_t)i, (uint32_t)s->n_files};
			s->n_files++;
		}
	}
	if (s->n_files)
		qsort(s->files, s->n_files, sizeof(*s->files), compare_by_order);
	return 0;
}

/* O_NONBLOCK, because another process may have replaced the file by a FIFO. */
static int open_scanned_file(struct scan *s, struct scan_worker *w,
			     const struct scan_file *f, struct cfs_err *err)
{
	int dirfd = cfs_scan_open_dir(s, w, f->dir, err);
	int fd;

	if (dirfd < 0)
		return dirfd;
	fd = openat(dirfd, f->entry->name,
		    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		return fd;
	if (errno == ENOENT || errno == ELOOP)
		return cfs_fail(err, ESTALE, "vanished while it was read");
	return cfs_fail_errno(err, "open");
}

static int check_unchanged(const struct scan_entry *e, int fd, struct stat *st,
			   struct cfs_err *err)
{
	if (fstat(fd, st) < 0)
		return cfs_fail_errno(err, "stat");
	return cfs_scan_check_stat(e, st, err);
}

/* Reads one byte more than the expected size, to find out whether the file has grown. */
static int read_inline_file(struct scan_worker *w, struct scan_entry *e, int fd,
			    struct cfs_err *err)
{
	uint8_t buf[CFS_CONTENT_MAX + 1];
	ssize_t n = cfs_io_pread(fd, buf, (size_t)e->size + 1, 0, err);

	if (n < 0)
		return (int)n;
	if ((uint64_t)n != e->size)
		return cfs_fail(err, ESTALE, "changed while it was read");
	e->data = cfs_arena_copy(&w->arena, buf, (size_t)n);
	return e->data ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

/* Computes the digest if the caller does not store the content. The byte count finds
 * files that are shorter than their size says, for example in sysfs. */
static int digest_scanned_file(struct scan *s, struct scan_worker *w,
			       struct scan_entry *e, int fd, unsigned n_readers,
			       struct cfs_err *err)
{
	struct cfs_digest *d =
		cfs_arena_alloc(&w->arena, sizeof(*d), _Alignof(struct cfs_digest));
	uint64_t size;
	int rc;

	if (!d)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (n_readers > 1)
		rc = cfs_verity_digest_fd(s->alg, fd, n_readers, s->opts->watch, d, &size,
					  err);
	else
		rc = cfs_verity_batch_add(w->batch, fd, e->size, d, &size, err);
	if (rc == -EBUSY)
		return cfs_fail(err, ESTALE, "changed while it was read");
	if (rc < 0)
		return rc;
	if (size != e->size)
		return cfs_fail(err, ESTALE, "expected %" PRIu64 " bytes, got %" PRIu64,
				e->size, size);
	/* Set by the next flush of the batch at the latest. */
	e->data = d->bytes;
	return 0;
}

static int set_digest(struct scan *s, struct scan_worker *w, struct scan_entry *e,
		      const struct cfs_digest *digest, struct cfs_err *err)
{
	e->data = cfs_arena_copy(&w->arena, digest->bytes, cfs_hash_len(s->alg));
	return e->data ? 0 : cfs_fail(err, ENOMEM, "out of memory");
}

static int call_file_callback(struct scan *s, unsigned worker, const struct scan_file *f,
			      int fd, const struct stat *st, struct cfs_err *err)
{
	struct scan_worker *w = &s->workers[worker];
	struct cfs_digest digest;
	int rc = s->opts->file(s->opts->file_ctx, worker, fd, st,
			       cfs_scan_path(s, w, f->dir, f->entry->name), &digest, err);

	return rc < 0 ? rc : set_digest(s, w, f->entry, &digest, err);
}

/* Reads one file as content, object or digest. It is compared with its first stat
 * before and after: a file that changes meanwhile fails the scan instead of storing a
 * mixture. */
static int read_scanned_file(struct scan *s, unsigned worker, const struct scan_file *f,
			     unsigned n_readers, struct cfs_err *err)
{
	struct scan_worker *w = &s->workers[worker];
	cfs_autofd int fd = open_scanned_file(s, w, f, err);
	struct stat st;
	int rc;

	if (fd < 0)
		return fd;
	rc = check_unchanged(f->entry, fd, &st, err);
	if (rc < 0)
		return rc;
	if (cfs_scan_is_inline(s, f->entry))
		rc = read_inline_file(w, f->entry, fd, err);
	else if (s->opts->file)
		rc = call_file_callback(s, worker, f, fd, &st, err);
	else
		rc = digest_scanned_file(s, w, f->entry, fd, n_readers, err);
	if (rc < 0)
		return rc;
	return check_unchanged(f->entry, fd, &st, err);
}

/* Computes the digests of the small files that are still in the batches. */
static void flush_batches(struct scan *s)
{
	for (unsigned i = 0; i < s->threads; i++)
		if (s->workers[i].batch)
			cfs_verity_batch_flush(s->workers[i].batch);
}

int cfs_scan_read_file(struct scan *s, unsigned worker, const struct scan_file *f,
		       struct cfs_err *err)
{
	int rc = is_read(s, f->entry) ? read_scanned_file(s, worker, f, 1, err) : 0;

	flush_batches(s);
	return rc;
}

/* Takes the digest from an earlier scan. Returns 1 if it is known. The xattrs were read
 * after lstat(), and the file is not opened afterwards, so the times are compared again
 * here. */
static int find_known_digest(struct scan *s, unsigned worker, const struct scan_file *f,
			     struct cfs_err *err)
{
	const struct cfs_scan_memory *m = s->opts->memory;
	struct scan_worker *w = &s->workers[worker];
	struct cfs_digest digest;
	struct stat st;
	int rc;

	if (!m || cfs_scan_is_inline(s, f->entry))
		return 0;
	cfs_scan_get_stat(f->entry, &st);
	if (!m->find(m->ctx, worker, &st, &digest))
		return 0;
	rc = set_digest(s, w, f->entry, &digest, err);
	if (rc == 0 && f->entry->n_xattrs) {
		int dirfd = cfs_scan_open_dir(s, w, f->dir, err);

		rc = dirfd < 0 ? dirfd : cfs_scan_check_name(dirfd, f->entry, err);
	}
	return rc < 0 ? rc : 1;
}

/* One item of the pool: a file whose digest is computed, unless the cache knows it. */
static int read_file_piece(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	const struct reading *r = ctx;
	struct scan *s = r->s;
	struct scan_worker *w = &s->workers[worker];
	const struct scan_file *f = &s->files[r->first + i];
	int rc = find_known_digest(s, worker, f, err);

	if (rc == 0)
		rc = read_scanned_file(s, worker, f, r->n_readers, err);
	if (rc < 0)
		return cfs_scan_context(s, w, f->dir, f->entry->name, rc, err);
	atomic_fetch_add_explicit(&w->n_files_done, 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&w->bytes_done, f->entry->size, memory_order_relaxed);
	cfs_scan_report(s, worker);
	return 0;
}

/* Passes all digests to the caller, for the next scan. */
static int keep_digests(struct scan *s, struct cfs_err *err)
{
	const struct cfs_scan_memory *m = s->opts->memory;
	int rc = 0;

	for (size_t i = 0; m && rc == 0 && i < s->n_files; i++) {
		const struct scan_entry *e = s->files[i].entry;
		struct cfs_digest digest = {.alg = s->alg};
		struct stat st;

		if (cfs_scan_is_inline(s, e))
			continue;
		cfs_scan_get_stat(e, &st);
		memcpy(digest.bytes, e->data, cfs_hash_len(s->alg));
		rc = m->keep(m->ctx, &st, &digest, err);
	}
	return rc;
}

/* Reads the largest files one after another, each with all threads, as long as a file is
 * larger than a quarter of a thread's share of the remaining bytes: otherwise the other
 * threads would wait for it at the end. Returns the number of files. The callback of the
 * caller runs on one thread per file. */
static ssize_t read_largest(struct scan *s, struct cfs_err *err)
{
	struct reading r = {s, 0, s->threads};
	uint64_t left = 0;

	if (s->threads == 1 || s->opts->file)
		return 0;
	for (size_t i = 0; i < s->n_files; i++)
		left += s->files[i].entry->size;
	for (; r.first < s->n_files; r.first++) {
		uint64_t size = s->files[r.first].entry->size;
		int rc;

		if (size < BIG || size / s->threads < SHARE_MIN ||
		    size <= left / s->threads / 4)
			break;
		rc = read_file_piece(&r, 0, 0, err);
		if (rc < 0)
			return rc;
		left -= size;
	}
	return (ssize_t)r.first;
}

int cfs_scan_read_files(struct scan *s, struct cfs_err *err)
{
	struct reading r = {s, 0, 1};
	ssize_t n_done;
	int rc = list_files(s, err);

	if (rc < 0)
		return rc;
	s->is_reading = true;
	n_done = read_largest(s, err);
	if (n_done < 0)
		return (int)n_done;
	r.first = (size_t)n_done;
	rc = cfs_pool_run(s->threads, s->n_files - r.first, read_file_piece, &r,
			  s->opts->watch, err);
	flush_batches(s);
	return rc < 0 ? rc : keep_digests(s, err);
}
