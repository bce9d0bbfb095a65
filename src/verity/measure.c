/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Digests of files: small ones in parallel, large ones one after another with all
 * threads. */
#include "verity/measure.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "verity/verity.h"

/* From this size on, all threads read one file. Smaller files are digested together. */
enum { LARGE_LEN = 8 * 1024 * 1024 };

struct file {
	struct cfs_digest digest; /* alg is 0 until it is known */
	bool large;		  /* digested in the second pass */
};

struct job {
	char *const *paths;
	size_t n;
	struct file *files;
	unsigned threads;
	struct cfs_verity_batch **batches; /* one per thread */
	const struct cfs_watch *watch;	   /* may be NULL */
};

/* Returns false if statx says that the file has no fs-verity. The ioctl then need not be
 * called. */
static bool may_have_verity(const struct statx *st)
{
	return (st->stx_attributes & STATX_ATTR_VERITY) ||
	       !(st->stx_attributes_mask & STATX_ATTR_VERITY);
}

static int measure_by_kernel(int fd, struct cfs_digest *out, struct cfs_err *err)
{
	struct cfs_digest d;
	int rc = cfs_verity_measure(fd, &d, err);

	if (rc < 0)
		return rc;
	if (d.alg != CFS_SHA256)
		return cfs_fail(err, EILSEQ,
				"expected a SHA-256 fs-verity digest, got %s",
				cfs_hash_name(d.alg));
	*out = d;
	return 0;
}

/* batch is NULL in the second pass, for large files. */
static int measure_open_file(struct job *job, int fd, struct file *f,
			     struct cfs_verity_batch *batch, struct cfs_err *err)
{
	struct statx st;
	uint64_t size;
	int rc = -ENOTTY;

	if (!batch)
		return cfs_verity_digest_fd(CFS_SHA256, fd, job->threads, job->watch,
					    &f->digest, NULL, err);
	if (statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &st) < 0)
		return cfs_fail_errno(err, "stat");
	if (may_have_verity(&st))
		rc = measure_by_kernel(fd, &f->digest, err);
	if (rc != -ENOTTY)
		return rc;
	f->large = st.stx_size >= LARGE_LEN;
	return f->large ? 0
			: cfs_verity_batch_add(batch, fd, st.stx_size, &f->digest, &size,
					       err);
}

static int measure_listed_file(struct job *job, size_t i, struct cfs_verity_batch *batch,
			       struct cfs_err *err)
{
	const char *path = job->paths[i];
	cfs_autofd int fd = cfs_input_open(AT_FDCWD, path, CFS_INPUT_PIPE, err);

	if (fd < 0)
		return cfs_context(err, fd, "Failed to open %s", path);
	return cfs_context(err, measure_open_file(job, fd, &job->files[i], batch, err),
			   "%s", path);
}

static int measure_first(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	struct job *job = ctx;

	return measure_listed_file(job, i, job->batches[worker], err);
}

static void put_digest_line(const struct file *f, struct cfs_out *out)
{
	char hex[CFS_DIGEST_HEX_MAX];

	cfs_out_text(out, cfs_text(cfs_digest_hex(&f->digest, hex)));
	cfs_out_char(out, '\n');
}

/* Prints the digests up to the first file that failed, and digests the large files. rc is
 * the result of the first pass, which starts the files in order. So the first small file
 * without a digest is the one that failed. */
static int put_lines(struct job *job, int rc, struct cfs_out *out, struct cfs_err *err)
{
	for (size_t i = 0; i < job->n; i++) {
		struct file *f = &job->files[i];

		if (f->large) {
			struct cfs_err why;
			int large_rc = measure_listed_file(job, i, NULL, &why);

			if (large_rc < 0) {
				*err = why;
				return large_rc;
			}
		}
		if (!f->digest.alg)
			return rc;
		put_digest_line(f, out);
	}
	return rc;
}

static int make_batches(struct job *job)
{
	job->batches = calloc(job->threads, sizeof(struct cfs_verity_batch *));
	if (!job->batches)
		return -ENOMEM;
	for (unsigned i = 0; i < job->threads; i++)
		if (cfs_verity_batch_new(CFS_SHA256, job->watch, &job->batches[i]) < 0)
			return -ENOMEM;
	return 0;
}

static void free_batches(struct job *job)
{
	for (unsigned i = 0; job->batches && i < job->threads; i++)
		cfs_verity_batch_free(job->batches[i]);
	free(job->batches);
}

int cfs_verity_measure_files(char *const *paths, size_t n, const struct cfs_watch *watch,
			     struct cfs_out *out, struct cfs_err *err)
{
	cfs_autofree struct file *files = calloc(n, sizeof(*files));
	struct job job = {
		.paths = paths,
		.n = n,
		.files = files,
		.threads = cfs_pool_count_readers(),
		.watch = watch,
	};
	int rc = files ? make_batches(&job) : -ENOMEM;

	if (rc < 0) {
		free_batches(&job);
		return cfs_fail(err, ENOMEM, "out of memory");
	}
	rc = cfs_pool_run(job.threads, n, measure_first, &job, watch, err);
	for (unsigned i = 0; i < job.threads; i++)
		cfs_verity_batch_flush(job.batches[i]);
	rc = put_lines(&job, rc, out, err);
	free_batches(&job);
	return rc;
}
