/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Our digests against the kernel's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

enum { NAME_LEN = 256 };

/* A file of that size, every block of it another. */
static int write_file(const char *path, size_t size)
{
	cfs_autofree uint32_t *words = malloc(size + 4);
	cfs_autofd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (!words || fd < 0)
		return -EIO;
	for (size_t i = 0; i <= size / 4; i++)
		words[i] = (uint32_t)i * 2654435761U;
	return write(fd, words, size) == (ssize_t)size ? 0 : -EIO;
}

/* 0: both say the same. */
static int compare(const char *path, enum cfs_hash_alg alg, struct cfs_err *err)
{
	cfs_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct cfs_digest ours, kernels;
	char a[CFS_DIGEST_HEX_MAX], b[CFS_DIGEST_HEX_MAX];
	int rc = cfs_verity_digest_fd(alg, fd, 1, NULL, &ours, NULL, err);

	if (rc == 0)
		rc = cfs_verity_enable(fd, alg, err);
	if (rc == 0)
		rc = cfs_verity_measure(fd, &kernels, err);
	if (rc < 0 || cfs_digest_eq(&ours, &kernels))
		return rc;
	return cfs_fail(err, EILSEQ, "ours %s, the kernel's %s", cfs_digest_hex(&ours, a),
			cfs_digest_hex(&kernels, b));
}

static int try_size(const char *folder, enum cfs_hash_alg alg, size_t size,
		    struct cfs_err *err)
{
	char path[NAME_LEN];
	int rc;

	snprintf(path, sizeof(path), "%s/%zu", folder, size);
	rc = write_file(path, size);
	if (rc == 0)
		rc = compare(path, alg, err);
	unlink(path);
	return cfs_context(err, rc, "%zu bytes", size);
}

/* The sizes around this one. Adds to *n how many. */
static int try_around(const char *folder, enum cfs_hash_alg alg, size_t base, size_t *n,
		      struct cfs_err *err)
{
	size_t size = base ? base - 1 : 0;
	int rc = 0;

	for (; rc == 0 && size <= base + 1; size++, (*n)++)
		rc = try_size(folder, alg, size, err);
	return rc;
}

static int try_all(const char *folder, enum cfs_hash_alg alg, int log2, size_t *n,
		   struct cfs_err *err)
{
	/* One block of hashes is full: then comes another level. */
	size_t level = (size_t)CFS_VERITY_BLOCK * CFS_VERITY_BLOCK / cfs_hash_len(alg);
	size_t bases[] = {0, 2 * CFS_VERITY_BLOCK, 3 * CFS_VERITY_BLOCK,
			  level - CFS_VERITY_BLOCK, level + CFS_VERITY_BLOCK};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(bases) / sizeof(bases[0]); i++)
		rc = try_around(folder, alg, bases[i], n, err);
	for (int i = 1; rc == 0 && i <= log2; i++)
		rc = try_around(folder, alg, (size_t)1 << i, n, err);
	return rc;
}

const char *probe_ladder(char **arg)
{
	static char said[CFS_ERR_MAX];
	enum cfs_hash_alg alg = strcmp(arg[1], "sha512") == 0 ? CFS_SHA512 : CFS_SHA256;
	struct cfs_err err = {""};
	size_t n = 0;

	if (try_all(arg[0], alg, atoi(arg[2]), &n, &err) < 0)
		snprintf(said, sizeof(said), "%s", err.msg);
	else
		snprintf(said, sizeof(said), "%zu sizes", n);
	return said;
}
