/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* scan: any number of threads gives the same image, byte for byte. With -Db_sanitize=thread this
 * is where races between the walk, the digests and the tree show. */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "erofs/erofs.h"
#include "scan/scan.h"

#include "t.h"
#include "tmpdir.h"

enum { N_DIRS = 20, N_FILES = 20, LARGE = 3 * 1024 * 1024 + 5, N_THREADS = 8 };

static struct cfs_err err;

/* Files of all sizes that matter, each with names elsewhere, and two so large that their digest is worth
 * several threads. */
static void make_tree(void)
{
	static uint8_t bytes[LARGE];
	char name[64], other[64];

	tmp_fresh();
	for (size_t i = 0; i < LARGE; i++)
		bytes[i] = (uint8_t)(i * i >> 7);
	tmp_put("large", bytes, LARGE);
	tmp_put("also-large", bytes + 1, LARGE - 1);
	for (size_t i = 0; i < N_DIRS; i++) {
		snprintf(name, sizeof(name), "d%zu", i);
		t_eq(mkdir(tmp_in(name), 0755), 0);
		for (size_t k = 0; k < N_FILES; k++) {
			snprintf(name, sizeof(name), "d%zu/f%zu", i, k);
			tmp_put(name, bytes + i, k * k * k);
			snprintf(other, sizeof(other), "d%zu/l%zu", i / 2,
				 i * N_FILES + k);
			if (k % 3 == 0)
				t_eq(link(tmp_in(name), tmp_in(other)), 0);
			else
				t_eq(symlink(name, tmp_in(other)), 0);
		}
	}
}

struct image {
	uint8_t *p;
	size_t len;
};

static struct image image_of(const struct cfs_scan_opts *opts)
{
	struct cfs_image_opts image_opts = {.max_version = CFS_IMAGE_VERSION_MAX};
	struct cfs_mem mem = {0};
	struct cfs_plan *plan;
	struct cfs_tree *t;

	if (cfs_scan(AT_FDCWD, tmp_dir(), opts, &t, &err) < 0 ||
	    cfs_plan_new(t, &image_opts, NULL, &plan, &err) < 0)
		t_fail(__FILE__, __LINE__, "%u threads: %s", opts->threads, err.msg);
	t_eq(cfs_emit(plan, cfs_sink_mem(&mem), &err), 0);
	cfs_plan_free(plan);
	cfs_tree_free(t);
	return (struct image){mem.p, mem.len};
}

static void same_for_any_number_of_threads(struct cfs_scan_opts opts)
{
	struct image one, many;

	opts.threads = 1;
	one = image_of(&opts);
	t_ok(one.len > N_DIRS * N_FILES * 64);
	for (opts.threads = 2; opts.threads <= N_THREADS; opts.threads++) {
		many = image_of(&opts);
		t_eq(many.len, one.len);
		t_mem(many.p, one.p, one.len);
		free(many.p);
	}
	free(one.p);
}

/* What is not kept in the image; k * k * k bytes are too many for that from 5 on. */
enum { N_READ = N_DIRS * (N_FILES - 5) + 2 };

/* A file's content is what a callback says of it, on whatever thread. */
static int digest_of_size(void *ctx, unsigned worker, int fd, const struct stat *st,
			  const char *path, struct cfs_digest *out, struct cfs_err *e)
{
	unsigned *n_calls = ctx;

	(void)fd;
	(void)path;
	(void)e;
	n_calls[worker]++;
	*out = (struct cfs_digest){.alg = CFS_SHA256};
	memcpy(out->bytes, &st->st_size, sizeof(st->st_size));
	return 0;
}

T(scan_gives_the_same_image_on_one_to_eight_threads)
{
	make_tree();
	same_for_any_number_of_threads((struct cfs_scan_opts){0});
	same_for_any_number_of_threads((struct cfs_scan_opts){.inline_max = -1});
	same_for_any_number_of_threads(
		(struct cfs_scan_opts){.hardlinks = true, .alg = CFS_SHA512});
}

T(scan_with_a_callback_gives_the_same_image_on_one_to_eight_threads)
{
	unsigned n_calls[N_THREADS] = {0}, sum = 0;

	make_tree();
	same_for_any_number_of_threads(
		(struct cfs_scan_opts){.file = digest_of_size, .file_ctx = n_calls});
	for (size_t i = 0; i < N_THREADS; i++)
		sum += n_calls[i];
	t_eq(sum, N_THREADS * N_READ);
}
