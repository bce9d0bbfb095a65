/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The ABI: fs-verity with answers of the kernel that the test chooses, because few filesystems have it. The
 * ioctl and fstatfs functions here stand in for libc's. */
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "nodes.h"
#include "tmpdir.h"

/* Of "hello". */
static const uint8_t computed[4] = {0x55, 0x5b, 0x58, 0x9c};

static struct {
	int errnum; /* 0: it answers */
	uint16_t algorithm, size;
	int n_calls;
	bool passes_on; /* FUSE */
} kernel;

int fstatfs(int fd, struct statfs *out)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	memset(out, 0, sizeof(*out));
	out->f_type = kernel.passes_on ? FUSE_SUPER_MAGIC : EXT4_SUPER_MAGIC;
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct fsverity_digest *d;
	va_list ap;

	va_start(ap, request);
	d = va_arg(ap, struct fsverity_digest *);
	va_end(ap);
	if (fd < 0)
		abort();
	kernel.n_calls++;
	errno = kernel.errnum;
	if (errno)
		return -1;
	if (request == FS_IOC_MEASURE_VERITY) {
		d->digest_algorithm = kernel.algorithm;
		d->digest_size = kernel.size;
		memset(d->digest, 0xab, kernel.size);
	}
	return 0;
}

static void kernel_fails(int errnum)
{
	kernel.errnum = errnum;
	kernel.n_calls = 0;
}

static void kernel_says(uint16_t algorithm, uint16_t size)
{
	kernel_fails(0);
	kernel.algorithm = algorithm;
	kernel.size = size;
}

static int open_hello(void)
{
	int fd;

	tmp_fresh();
	tmp_text("hello", "hello");
	fd = open(tmp_in("hello"), O_RDONLY | O_CLOEXEC);
	t_ok(fd >= 0);
	return fd;
}

/* A negative errno, and errno. */
#define t_both(call, expected)                                                           \
	do {                                                                             \
		errno = 0;                                                               \
		t_eq(call, -(expected));                                                 \
		t_eq(errno, expected);                                                   \
	} while (0)

T(compat_what_the_kernel_measures_is_taken)
{
	uint8_t digest[LCFS_DIGEST_SIZE] = {0}, all[LCFS_DIGEST_SIZE];
	int fd = open_hello();

	memset(all, 0xab, sizeof(all));
	kernel_says(FS_VERITY_HASH_ALG_SHA256, 32);
	t_eq(lcfs_fd_measure_fsverity(digest, fd), 0);
	t_mem(digest, all, sizeof(all));
	memset(digest, 0, sizeof(digest));
	t_eq(lcfs_fd_get_fsverity(digest, fd), 0);
	t_mem(digest, all, sizeof(all));
	t_eq(kernel.n_calls, 2);
	close(fd);
}

T(compat_no_fsverity_is_one_error_for_measuring_and_computed_for_getting)
{
	static const int errnums[] = {ENODATA, EOPNOTSUPP, ENOTTY};
	uint8_t digest[LCFS_DIGEST_SIZE];
	int fd = open_hello();

	for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
		kernel_fails(errnums[i]);
		t_both(lcfs_fd_measure_fsverity(digest, fd), ENOVERITY);
		memset(digest, 0, sizeof(digest));
		t_eq(lcfs_fd_get_fsverity(digest, fd), 0);
		t_mem(digest, computed, sizeof(computed));
	}
	kernel_fails(EIO);
	t_both(lcfs_fd_measure_fsverity(digest, fd), EIO);
	t_both(lcfs_fd_get_fsverity(digest, fd), EIO);
	close(fd);
}

T(compat_a_filesystem_that_passes_the_question_on_has_no_fsverity)
{
	uint8_t digest[LCFS_DIGEST_SIZE] = {0};
	int fd = open_hello();

	kernel_says(FS_VERITY_HASH_ALG_SHA256, 32);
	kernel.passes_on = true;
	t_both(lcfs_fd_measure_fsverity(digest, fd), ENOVERITY);
	t_eq(lcfs_fd_get_fsverity(digest, fd), 0);
	t_mem(digest, computed, sizeof(computed));
	t_both(lcfs_fd_enable_fsverity(fd), ENOTTY);
	t_eq(kernel.n_calls, 0);
	kernel.passes_on = false;
	close(fd);
}

/* Upstream leaves errno alone here, and then decides by it. */
T(compat_digests_of_another_kind_are_the_wrong_ones)
{
	static const struct {
		uint16_t algorithm, size;
	} rows[] = {{FS_VERITY_HASH_ALG_SHA512, 64},
		    {FS_VERITY_HASH_ALG_SHA256, 64},
		    {FS_VERITY_HASH_ALG_SHA512, 32},
		    {7, 32}};
	uint8_t digest[LCFS_DIGEST_SIZE];
	int fd = open_hello();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		kernel_says(rows[i].algorithm, rows[i].size);
		t_both(lcfs_fd_measure_fsverity(digest, fd), EWRONGVERITY);
		t_both(lcfs_fd_get_fsverity(digest, fd), EWRONGVERITY);
	}
	close(fd);
}

T(compat_enabling_fails_as_the_kernel_does)
{
	static const int errnums[] = {EOPNOTSUPP, ENOTTY, EEXIST, ETXTBSY, EPERM};
	int fd = open_hello();

	for (size_t i = 0; i < sizeof(errnums) / sizeof(errnums[0]); i++) {
		kernel_fails(errnums[i]);
		t_both(lcfs_fd_enable_fsverity(fd), errnums[i]);
	}
	kernel_fails(0);
	t_eq(lcfs_fd_enable_fsverity(fd), 0);
	close(fd);
}
