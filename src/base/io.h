/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* File descriptors: whole reads and writes, publishing by link. */
#ifndef CFS_BASE_IO_H
#define CFS_BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/err.h"
#include "base/span.h"
#include "base/watch.h"

static inline void cfs_autofd_fn(const int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

/* A local descriptor that is closed when it goes out of scope; -1 is none. */
#define cfs_autofd __attribute__((cleanup(cfs_autofd_fn)))

/* Gives the descriptor away and leaves -1 behind. */
static inline int cfs_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* Writes all of it; goes on after EINTR and short writes, and waits where a standard descriptor is in
 * non-blocking mode. */
int cfs_io_write(int fd, const void *p, size_t len, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads up to len bytes, less only at the end of the file. Returns the count. Waits where a standard descriptor is
 * in non-blocking mode. */
ssize_t cfs_io_read(int fd, void *p, size_t len, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, and ends with -ECANCELED while it waits for a pipe when watch (may be NULL) is cancelled. */
ssize_t cfs_io_read_watched(int fd, void *p, size_t len, const struct cfs_watch *watch,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* As cfs_io_write, and ends with -ECANCELED while it waits for the reader of a pipe when watch (may be NULL) is
 * cancelled. */
int cfs_io_write_watched(int fd, const void *p, size_t len, const struct cfs_watch *watch,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* The same as cfs_io_read at a position; the descriptor's own offset is not used. */
ssize_t cfs_io_pread(int fd, void *p, size_t len, uint64_t off,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Has a path the component ".."? It may lead out of the directory that it is relative to. */
bool cfs_path_leaves(struct cfs_text path);

/* Bytes of the file that are in memory now, in whole pages. -EPERM: the kernel tells that to the owner
 * alone. (cachestat(2), before Linux 6.5 mincore(2).) */
int cfs_io_cached(int fd, uint64_t *out) CFS_MUST_CHECK;

/* Gives an O_TMPFILE its name below dirfd: whole or not at all. -EEXIST without a message
 * when the name is taken. Works without privileges through /proc, else with
 * AT_EMPTY_PATH. */
int cfs_io_publish(int fd, int dirfd, const char *path,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Makes the directories of path (relative to dirfd) that are missing: the last with this mode, those
 * above it with 0755, both less the umask. */
int cfs_io_make_dirs(int dirfd, const char *path, mode_t mode,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
