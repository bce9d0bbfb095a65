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

/* A local descriptor that is closed when it goes out of scope, unless it is -1. */
#define cfs_autofd __attribute__((cleanup(cfs_autofd_fn)))

/* Returns the descriptor and leaves -1 behind. */
static inline int cfs_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

/* Writes all len bytes. Continues after EINTR and short writes, and waits if a standard
 * descriptor is non-blocking. */
int cfs_io_write(int fd, const void *p, size_t len, struct cfs_err *err) CFS_MUST_CHECK;

/* Reads len bytes, or fewer at the end of the file. Returns the count. Waits if a
 * standard descriptor is non-blocking. */
ssize_t cfs_io_read(int fd, void *p, size_t len, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, but returns -ECANCELED if watch (may be NULL) is cancelled while it waits for
 * a pipe. */
ssize_t cfs_io_read_watched(int fd, void *p, size_t len, const struct cfs_watch *watch,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Like cfs_io_write, but returns -ECANCELED if watch (may be NULL) is cancelled while it
 * waits for the reader of a pipe. */
int cfs_io_write_watched(int fd, const void *p, size_t len, const struct cfs_watch *watch,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Like cfs_io_read, at offset off. The offset of the descriptor is neither used nor
 * changed. */
ssize_t cfs_io_pread(int fd, void *p, size_t len, uint64_t off,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Returns true if a path has the component "..", which may lead out of the directory that
 * it is relative to. */
bool cfs_path_leaves(struct cfs_text path);

/* Stores the number of bytes of the file that are in the page cache, in whole pages.
 * -EPERM: the kernel gives the number to the owner of the file only. Uses cachestat(2),
 * before Linux 6.5 mincore(2). */
int cfs_io_measure_cached(int fd, uint64_t *out) CFS_MUST_CHECK;

/* Links an O_TMPFILE file to a name below dirfd. -EEXIST without a message if the name
 * exists. Works without privileges through /proc, otherwise with AT_EMPTY_PATH. */
int cfs_io_publish(int fd, int dirfd, const char *path,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Creates the missing directories of path (relative to dirfd): the last one with this
 * mode, those above it with 0755, all less the umask. */
int cfs_io_make_dirs(int dirfd, const char *path, mode_t mode,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
