/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* repo: what the objects of a repository without a meta.json tell, where the kernel has fs-verity. The ioctl
 * and fstatfs functions here stand in for libc's. */
#include <fcntl.h>
#include <linux/fsverity.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "repo/repo.h"
#include "t.h"
#include "tmpdir.h"

#define REST "00000000000000000000000000000000000000000000000000000000000000"

static struct {
	int measure_errno; /* 0: what is measured has fs-verity */
	int n_enabled;
	uint32_t alg;
} kernel;

static struct cfs_err err;

int fstatfs(int fd, struct statfs *out)
{
	(void)fd;
	*out = (struct statfs){.f_type = EXT4_SUPER_MAGIC};
	return 0;
}

int ioctl(int fd, unsigned long request, ...)
{
	struct fsverity_digest *d;
	va_list ap;
	void *arg;

	(void)fd;
	va_start(ap, request);
	arg = va_arg(ap, void *);
	va_end(ap);
	if (request == FS_IOC_ENABLE_VERITY) {
		kernel.n_enabled++;
		kernel.alg = ((struct fsverity_enable_arg *)arg)->hash_algorithm;
		return 0;
	}
	errno = request == FS_IOC_MEASURE_VERITY ? kernel.measure_errno : ENOTTY;
	if (errno)
		return -1;
	d = arg;
	d->digest_algorithm = FS_VERITY_HASH_ALG_SHA256;
	d->digest_size = CFS_SHA256_LEN;
	memset(d->digest, 0, CFS_SHA256_LEN);
	return 0;
}

static int upgrade(int measure_errno, struct cfs_repo_init *out)
{
	tmp_fresh();
	mkdir(tmp_in("objects"), 0755);
	mkdir(tmp_in("objects/aa"), 0755);
	tmp_text("objects/aa/" REST, "an object");
	kernel.measure_errno = measure_errno;
	kernel.n_enabled = 0;
	return cfs_repo_upgrade(tmp_dir(), out, &err);
}

T(an_object_with_verity_makes_a_repository_with_it)
{
	struct cfs_repo_init made;

	t_eq(upgrade(0, &made), 0);
	t_ok(!made.insecure);
	t_eq(made.meta.alg, CFS_SHA256);
	t_eq(made.meta.format, 1);
	t_eq(kernel.n_enabled, 1);
	t_eq(kernel.alg, FS_VERITY_HASH_ALG_SHA256);
	t_eq(access(tmp_in("meta.json"), F_OK), 0);
}

T(an_object_without_verity_makes_a_repository_without_it)
{
	struct cfs_repo_init made;

	t_eq(upgrade(ENODATA, &made), 0);
	t_ok(made.insecure);
	t_eq(kernel.n_enabled, 0);
	t_eq(access(tmp_in("meta.json"), F_OK), 0);
}

T(an_error_while_measuring_makes_no_repository)
{
	struct cfs_repo_init made;

	t_eq(upgrade(EIO, &made), -EIO);
	t_eq(kernel.n_enabled, 0);
	t_eq(access(tmp_in("meta.json"), F_OK), -1);
}
