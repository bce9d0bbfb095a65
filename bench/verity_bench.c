/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How fast bytes are hashed: by each kernel of this CPU, and from files in the page cache.
 * Usage: verity_bench [MIB-OF-THE-LARGE-FILE]. Prints "name value unit", the best of several runs. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "verity/verity.h"

enum {
	N_BLOCKS = 64,
	RUNS = 5,
	SMALL_LEN = 3000,
	N_SMALL = 20000,
};

static double read_clock(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double get_smaller(double a, double b)
{
	return a < b ? a : b;
}

static void bench_kernel(const struct cfs_hash_kernel *k, size_t n_blocks)
{
	static uint8_t blocks[N_BLOCKS * CFS_VERITY_BLOCK],
		out[N_BLOCKS * CFS_HASH_MAX_LEN];
	double best = 1e9;

	for (int run = 0; run < 100 * RUNS; run++) {
		double start = read_clock();

		for (size_t i = 0; i < N_BLOCKS; i += n_blocks)
			k->blocks(blocks, CFS_VERITY_BLOCK, n_blocks, out);
		best = get_smaller(best, read_clock() - start);
	}
	printf("hash/%s/%s/%zu-blocks %.2f GB/s\n", cfs_hash_name(k->alg), k->name,
	       n_blocks, (double)sizeof(blocks) / best * 1e-9);
}

static int bench_file(enum cfs_hash_alg alg, int fd, unsigned n_threads,
		      struct cfs_err *err)
{
	struct cfs_digest d;
	double best = 1e9;
	uint64_t size = 0;

	for (int run = 0; run < RUNS; run++) {
		double start = read_clock();
		int rc = cfs_verity_digest_fd(alg, fd, n_threads, NULL, &d, &size, err);

		if (rc < 0)
			return rc;
		best = get_smaller(best, read_clock() - start);
	}
	printf("verity/%s/large-file/%u-threads %.2f GB/s\n", cfs_hash_name(alg),
	       n_threads, (double)size / best * 1e-9);
	return 0;
}

/* Many small files, without their open and close. */
static int bench_small(enum cfs_hash_alg alg, int fd, struct cfs_err *err)
{
	struct cfs_verity *v;
	double start = read_clock();
	struct cfs_digest d;
	int rc = cfs_verity_new(alg, &v);

	for (int i = 0; i < N_SMALL && rc == 0; i++) {
		cfs_verity_reset(v);
		rc = cfs_verity_update_fd(v, fd, NULL, err);
		cfs_verity_final(v, &d);
	}
	if (rc < 0)
		return rc;
	cfs_verity_free(v);
	printf("verity/%s/small-file %.2f us\n", cfs_hash_name(alg),
	       (read_clock() - start) / N_SMALL * 1e6);
	return 0;
}

static int bench_small_batch(enum cfs_hash_alg alg, int fd, struct cfs_err *err)
{
	static struct cfs_digest digests[N_SMALL];
	struct cfs_verity_batch *b;
	double start = read_clock();
	int rc = cfs_verity_batch_new(alg, NULL, &b);
	uint64_t size;

	if (rc < 0)
		return rc;
	for (int i = 0; i < N_SMALL && rc == 0; i++)
		rc = cfs_verity_batch_add(b, fd, SMALL_LEN, &digests[i], &size, err);
	cfs_verity_batch_flush(b);
	cfs_verity_batch_free(b);
	printf("verity/%s/small-file-in-batch %.2f us\n", cfs_hash_name(alg),
	       (read_clock() - start) / N_SMALL * 1e6);
	return rc;
}

/* A file of len bytes that has no name, in the current directory. */
static int make_file(uint64_t len, struct cfs_err *err)
{
	static uint8_t piece[1 << 20];
	cfs_autofd int fd = open(".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	int rc = 0;

	if (fd < 0)
		return cfs_fail_errno(err, "temporary file");
	for (uint64_t off = 0; off < len && rc == 0; off += sizeof(piece)) {
		uint64_t n = len - off < sizeof(piece) ? len - off : sizeof(piece);

		memset(piece, (int)(off >> 20), sizeof(piece));
		rc = cfs_io_write(fd, piece, n, err);
	}
	return rc < 0 ? rc : cfs_steal_fd(&fd);
}

static int bench_files(uint64_t large_len, struct cfs_err *err)
{
	cfs_autofd int large = make_file(large_len, err);
	cfs_autofd int small = large < 0 ? large : make_file(SMALL_LEN, err);
	int rc = small < 0 ? small : 0;

	for (int alg = CFS_SHA256; alg <= CFS_SHA512 && rc == 0; alg++) {
		for (unsigned n = 1; n <= 2 && rc == 0; n++)
			rc = bench_file(alg, large, n, err);
		if (rc == 0)
			rc = bench_small(alg, small, err);
		if (rc == 0)
			rc = bench_small_batch(alg, small, err);
	}
	return rc;
}

int main(int argc, char **argv)
{
	uint64_t mib = argc > 1 ? strtoull(argv[1], NULL, 10) : 512;
	const struct cfs_hash_kernel *k;
	struct cfs_err err = {""};

	for (size_t i = 0; (k = cfs_hash_get_kernel(i)); i++) {
		for (size_t n = 1; k->usable() && n <= N_BLOCKS; n *= n < 4 ? 2 : 4)
			bench_kernel(k, n);
	}
	if (bench_files(mib << 20, &err) < 0) {
		fprintf(stderr, "verity_bench: %s\n", err.msg);
		return 1;
	}
	return 0;
}
