/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verity: the two ioctls, with one errno for every case without fs-verity. */
#include "verity/verity.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <stdalign.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>
#include <time.h>

/* ENODATA: the file has no fs-verity. EOPNOTSUPP: the filesystem was created without the
 * feature. ENOTTY: the filesystem type does not support it. */
static int fail_ioctl(struct cfs_err *err, const char *what)
{
	if (errno == ENODATA)
		return cfs_fail(err, ENOTTY, "%s: file has no fs-verity", what);
	if (errno == EOPNOTSUPP || errno == ENOTTY)
		return cfs_fail(err, ENOTTY, "%s: filesystem has no fs-verity", what);
	return cfs_fail_errno(err, "%s", what);
}

/* The filesystems whose kernel code compares each block that is read with the digest.
 * Others forward the ioctls: a FUSE server can answer FS_IOC_MEASURE_VERITY with the
 * expected digest and serve other bytes. Ext2 and ext3 have the magic number of ext4, and
 * no such ioctl. */
static const uint32_t verifying_types[] = {
	EXT4_SUPER_MAGIC,
	BTRFS_SUPER_MAGIC,
	F2FS_SUPER_MAGIC,
};

int cfs_verity_kernel_verifies(int fd, struct cfs_err *err)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return cfs_fail_errno(err, "fs-verity: type of the filesystem");
	for (size_t i = 0; i < sizeof(verifying_types) / sizeof(verifying_types[0]);
	     i++) {
		if ((uint32_t)fs.f_type == verifying_types[i])
			return 1;
	}
	return 0;
}

/* Refuses filesystems whose answer to the ioctl cannot be trusted. */
static int check_kernel_verifies(int fd, const char *what, struct cfs_err *err)
{
	int rc = cfs_verity_kernel_verifies(fd, err);

	if (rc == 0)
		return cfs_fail(err, ENOTTY,
				"%s: filesystem has no fs-verity: expected ext4, "
				"btrfs or f2fs",
				what);
	return rc < 0 ? rc : 0;
}

int cfs_verity_measure(int fd, struct cfs_digest *out, struct cfs_err *err)
{
	alignas(struct fsverity_digest)
		uint8_t space[sizeof(struct fsverity_digest) + CFS_HASH_MAX_LEN] = {0};
	struct fsverity_digest *d = (struct fsverity_digest *)space;
	int rc = check_kernel_verifies(fd, "fs-verity measure", err);

	if (rc < 0)
		return rc;
	d->digest_size = CFS_HASH_MAX_LEN;
	if (ioctl(fd, FS_IOC_MEASURE_VERITY, d) < 0)
		return fail_ioctl(err, "fs-verity measure");
	if ((d->digest_algorithm != CFS_SHA256 && d->digest_algorithm != CFS_SHA512) ||
	    d->digest_size != cfs_hash_len(d->digest_algorithm))
		return cfs_fail(
			err, EILSEQ,
			"fs-verity measure: expected SHA-256 or SHA-512, got algorithm "
			"%u with %u bytes",
			d->digest_algorithm, d->digest_size);
	memset(out, 0, sizeof(*out));
	out->alg = d->digest_algorithm;
	memcpy(out->bytes, d->digest, d->digest_size);
	return 0;
}

int cfs_verity_is_supported(int fd, struct cfs_err *err)
{
	struct fsverity_digest d = {.digest_size = 0};
	int rc = cfs_verity_kernel_verifies(fd, err);

	if (rc != 1)
		return rc;
	if (ioctl(fd, FS_IOC_MEASURE_VERITY, &d) == 0 || errno == ENODATA ||
	    errno == EOVERFLOW)
		return 1;
	if (errno == EOPNOTSUPP || errno == ENOTTY)
		return 0;
	return cfs_fail_errno(err, "fs-verity measure");
}

/* Asks the kernel to enable fs-verity, with a signature if there is one. -ENOTTY and
 * -EOPNOTSUPP: the filesystem cannot do it. */
static int enable_kernel_verity(int fd, enum cfs_hash_alg alg, struct cfs_span signature,
				struct cfs_err *err)
{
	struct fsverity_enable_arg arg = {
		.version = 1,
		.hash_algorithm = alg,
		.block_size = CFS_VERITY_BLOCK,
		.sig_size = (uint32_t)signature.len,
		.sig_ptr = (uintptr_t)signature.p,
	};

	int rc = check_kernel_verifies(fd, "fs-verity enable", err);

	if (rc < 0)
		return rc;
	if (ioctl(fd, FS_IOC_ENABLE_VERITY, &arg) == 0)
		return 0;
	if (errno == EOPNOTSUPP)
		return cfs_fail(err, EOPNOTSUPP,
				"fs-verity enable: filesystem has no fs-verity");
	return fail_ioctl(err, "fs-verity enable");
}

int cfs_verity_enable(int fd, enum cfs_hash_alg alg, struct cfs_err *err)
{
	return enable_kernel_verity(fd, alg, (struct cfs_span){0}, err);
}

int cfs_verity_enable_signed(int fd, enum cfs_hash_alg alg, struct cfs_span signature,
			     struct cfs_err *err)
{
	/* The kernel accepts an empty signature as none, and then the file can never get
	 * one. */
	if (signature.len == 0)
		return cfs_fail(err, EBADMSG,
				"fs-verity enable: expected a signature, got nothing");
	if (signature.len > UINT32_MAX)
		return cfs_fail(err, EMSGSIZE, "fs-verity enable: signature is too long");
	return enable_kernel_verity(fd, alg, signature, err);
}

static int reopen_for_reading(int *fd, struct cfs_err *err)
{
	char path[64];
	int again;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", *fd);
	again = open(path, O_RDONLY | O_CLOEXEC);
	if (again < 0)
		return cfs_fail_errno(err, "open for reading");
	close(*fd);
	*fd = again;
	return 0;
}

/* Retries on ETXTBSY: a child that another thread forked holds a copy of our descriptor
 * for writing until it calls exec. */
int cfs_verity_seal(int *fd, enum cfs_hash_alg alg, struct cfs_err *err)
{
	struct timespec pause = {.tv_nsec = 1000000};
	int rc = reopen_for_reading(fd, err);

	if (rc == 0)
		rc = cfs_verity_enable(*fd, alg, err);
	for (int i = 0; rc == -ETXTBSY && i < 100; i++) {
		nanosleep(&pause, NULL);
		rc = cfs_verity_enable(*fd, alg, err);
	}
	return rc == -EOPNOTSUPP ? -ENOTTY : rc;
}
