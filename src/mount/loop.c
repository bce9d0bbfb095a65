/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The image as a loop device, for kernels that mount nothing else, and reading it
 * ahead. */
#include "mount/mount_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/mman.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

enum {
	/* Another process may take the free device first. More tries than mounts at the
	 * same time. */
	LOOP_TRIES = 2000,
	LOOP_WAIT_NS = 1000000,
	/* bytes; the kernel cuts one readahead(2) to the window of the device */
	PREFETCH_PIECE = 1 << 20,
};

/* EBUSY: another process took it; the others: it is not there yet, or is being
 * removed. */
static bool is_race(int errnum)
{
	return errnum == EBUSY || errnum == ENXIO || errnum == ENOENT || errnum == ENODEV;
}

/* Tries the device that is free now. */
static int try_attach(int control, const struct loop_config *config, int *out,
		      char path[CFS_LOOP_PATH_MAX])
{
	int number = ioctl(control, LOOP_CTL_GET_FREE);
	cfs_autofd int device = -1;

	if (number < 0)
		return -errno;
	snprintf(path, CFS_LOOP_PATH_MAX, "/dev/loop%d", number);
	device = open(path, O_RDONLY | O_CLOEXEC);
	if (device < 0 || ioctl(device, LOOP_CONFIGURE, config) < 0)
		return -errno;
	*out = cfs_steal_fd(&device);
	return 0;
}

int cfs_loop_attach(int fd, const char *name, int *out, char path[CFS_LOOP_PATH_MAX],
		    struct cfs_err *err)
{
	static const struct timespec wait = {.tv_nsec = LOOP_WAIT_NS};
	cfs_autofd int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	struct loop_config config = {
		.fd = (uint32_t)fd,
		.block_size = 4096,
		.info.lo_flags =
			LO_FLAGS_READ_ONLY | LO_FLAGS_DIRECT_IO | LO_FLAGS_AUTOCLEAR,
	};
	int rc = -EBUSY;

	if (control < 0)
		return cfs_fail_errno(err,
				      "the image needs a loop device here (kernel before "
				      "6.12, or image on tmpfs): /dev/loop-control");
	if (name)
		snprintf((char *)config.info.lo_file_name,
			 sizeof(config.info.lo_file_name), "%s", name);
	for (int i = 0; i < LOOP_TRIES; i++) {
		rc = try_attach(control, &config, out, path);
		if (!is_race(-rc))
			break;
		nanosleep(&wait, NULL);
	}
	if (rc < 0) {
		errno = -rc;
		return cfs_fail_errno(err, "loop device");
	}
	return 0;
}

/* Waits until the pages are in memory (Linux 5.14; no effect on older kernels). */
static void populate_pages(int fd, uint64_t off, size_t len)
{
	void *p = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, (off_t)off);

	if (p == MAP_FAILED)
		return;
	(void)madvise(p, len, MADV_POPULATE_READ);
	munmap(p, len);
}

/* Nothing to read ahead then; readahead(2) would still visit each page, 15 us per MiB. */
static bool is_cached(int fd, uint64_t len)
{
	uint64_t n;

	return cfs_io_measure_cached(fd, &n) == 0 && n >= len;
}

void cfs_prefetch(int fd, uint64_t len, bool wait)
{
	if (!wait && is_cached(fd, len))
		return;
	for (uint64_t off = 0; off < len; off += PREFETCH_PIECE)
		(void)readahead(fd, (off_t)off, PREFETCH_PIECE);
	for (uint64_t off = 0; wait && off < len; off += PREFETCH_PIECE)
		populate_pages(fd, off,
			       len - off < PREFETCH_PIECE ? len - off : PREFETCH_PIECE);
}
