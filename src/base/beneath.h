/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Paths beneath a directory that may belong to somebody else, who can replace any component by a
 * symbolic link at any moment. Nothing here follows one, in any component, the last included, and
 * nothing leaves the directory by "..", "/" or a link of /proc.
 *
 * The rule for such directories: a path with more than one component goes through these functions, or
 * the directory is opened with one of them and held, and linkat, renameat, unlinkat, mkdirat and
 * fstatat get that descriptor and a single name. What was checked by name before may be another
 * thing now; a descriptor stays what it is.
 */
#ifndef CFS_BASE_BENEATH_H
#define CFS_BASE_BENEATH_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* openat(2) with O_CLOEXEC. mode is used with O_CREAT alone. Returns the descriptor or -errno: -ELOOP
 * when a component is a symbolic link, -EXDEV when the path leads out. With O_PATH and O_NOFOLLOW
 * a link in the last place is opened itself. Give O_NONBLOCK and O_NOCTTY unless O_PATH or
 * O_DIRECTORY is given: the file may be a FIFO or a terminal. */
int cfs_beneath_open(int dirfd, const char *path, int flags, mode_t mode) CFS_MUST_CHECK;

/* The directory, for the *at() calls (O_PATH: it cannot be listed, nor synced). Needs the permission
 * to search it alone. */
int cfs_beneath_open_dir(int dirfd, const char *path) CFS_MUST_CHECK;

/* The directory that holds the last component of path, as cfs_beneath_open_dir. *name is the last
 * component, borrowed from path. -EINVAL: there is none, or it is "." or "..". */
int cfs_beneath_open_parent(int dirfd, const char *path,
			    const char **name) CFS_MUST_CHECK;

/* Makes the directories of path that are missing, each less the umask, and opens the last one as
 * cfs_beneath_open_dir. Those that exist stay as they are. */
int cfs_beneath_make_dir(int dirfd, const char *path, mode_t mode) CFS_MUST_CHECK;

/* lstat(2): of a link in the last place, the link itself. 0 or -errno. */
int cfs_beneath_stat(int dirfd, const char *path, struct stat *out) CFS_MUST_CHECK;

/* unlinkat(2). 0 or -errno. */
int cfs_beneath_unlink(int dirfd, const char *path, int flags) CFS_MUST_CHECK;

/* Makes an error of the -errno of one of these. place: the path, as the user knows it. */
int cfs_beneath_fail(int code, const char *place, struct cfs_err *err);

#endif
