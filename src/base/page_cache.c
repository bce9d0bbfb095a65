/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* How much of a file is in the page cache. */
#include "base/io.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#ifndef SYS_cachestat /* Linux 6.5; the same number on all but alpha */
#define SYS_cachestat 451
#endif

struct cachestat_range {
	uint64_t off, len; /* len 0: to the end */
};

struct cachestat {
	uint64_t n_cache, n_dirty, n_writeback, n_evicted, n_recently_evicted; /* pages */
};

/* Counts the pages in the cache with mincore(2). Since Linux 5.2 it reports every page of
 * another user's file as present, so such files give -EPERM. */
static int count_mapped(int fd, size_t page, uint64_t *out)
{
	uint64_t n_pages, n = 0;
	uint8_t *resident;
	struct stat st;
	void *map;
	int rc;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid() && geteuid() != 0)
		return -EPERM;
	n_pages = ((uint64_t)st.st_size + page - 1) / page;
	if (n_pages == 0)
		return 0;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED)
		return -errno;
	resident = malloc(n_pages);
	rc = !resident					      ? -ENOMEM
	     : mincore(map, (size_t)st.st_size, resident) < 0 ? -errno
							      : 0;
	for (uint64_t i = 0; rc == 0 && i < n_pages; i++)
		n += resident[i] & 1;
	*out = n * page;
	free(resident);
	munmap(map, (size_t)st.st_size);
	return rc;
}

int cfs_io_measure_cached(int fd, uint64_t *out)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	struct cachestat_range all = {0};
	struct cachestat got;

	*out = 0;
	if (syscall(SYS_cachestat, fd, &all, &got, 0) == 0) {
		*out = got.n_cache * page;
		return 0;
	}
	return errno == ENOSYS ? count_mapped(fd, page, out) : -errno;
}
