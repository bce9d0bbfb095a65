/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Checks in the background: one thread, and a page cache that stays as it was. */
#include <fcntl.h>
#include <stdio.h>

#include "check/check_priv.h"

unsigned check_get_n_threads(const struct check *c)
{
	return c->opts->background ? 1 : cfs_pool_count_cpus();
}

int check_cold_begin(const struct check *c, const struct cfs_digest *id)
{
	char path[CFS_OBJECT_PATH_MAX], below[CFS_OBJECT_PATH_MAX + 8];
	cfs_autofd int fd = -1;
	uint64_t cached;

	if (!c->opts->background)
		return -1;
	snprintf(below, sizeof(below), "objects/%s", cfs_digest_path(id, path));
	fd = cfs_beneath_open(cfs_repo_get_dirfd(c->repo), below,
			      O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	if (fd < 0 || cfs_io_measure_cached(fd, &cached) < 0 || cached)
		return -1;
	return cfs_steal_fd(&fd);
}

void check_cold_end(int fd)
{
	if (fd < 0)
		return;
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); /* advice: it may fail */
	close(fd);
}
