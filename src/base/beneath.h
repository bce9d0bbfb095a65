/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Paths beneath a directory that may belong to another user, who can replace any
 * component by a symbolic link at any moment. These functions (but those called chroot) follow no symbolic link
 * in any component, including the last one, and never leave the directory through "..", "/"
 * or a link of /proc.
 *
 * The rule for such directories: open a path with more than one component with these
 * functions. Or open the directory with one of them, keep the descriptor, and pass it
 * with a single name to linkat, renameat, unlinkat, mkdirat and fstatat. A name that was
 * checked earlier may be another file now; a descriptor always refers to the same file.
 */
#ifndef CFS_BASE_BENEATH_H
#define CFS_BASE_BENEATH_H

#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Like openat(2) with O_CLOEXEC. mode is used with O_CREAT only. Returns the descriptor
 * or -errno: -ELOOP if a component is a symbolic link, -EXDEV if the path leaves the
 * directory. With O_PATH and O_NOFOLLOW, a symbolic link as the last component is opened
 * itself. Pass O_NONBLOCK and O_NOCTTY, unless O_PATH or O_DIRECTORY is given: the file
 * may be a FIFO or a terminal. */
int cfs_beneath_open(int dirfd, const char *path, int flags, mode_t mode) CFS_MUST_CHECK;

/* Opens a directory for the *at() calls (O_PATH: it cannot be listed or synced). Needs
 * search permission only. */
int cfs_beneath_open_dir(int dirfd, const char *path) CFS_MUST_CHECK;

/* The same, but follows symbolic links as a process with the root directory dirfd would: they
 * cannot lead out, and those of /proc are refused. For trees that were extracted so. Follows
 * none where openat2(2) is missing. */
int cfs_beneath_open_dir_chroot(int dirfd, const char *path) CFS_MUST_CHECK;

/* The same for a regular file, opened for reading. Any other file is not opened: -EISDIR
 * for a directory, -EINVAL for others. -ENOENT: /proc is not mounted, too. */
int cfs_beneath_open_file_chroot(int dirfd, const char *path) CFS_MUST_CHECK;

/* Opens the directory of the last component of path, as cfs_beneath_open_dir. *name is
 * the last component, borrowed from path. -EINVAL: path is empty, or the last component
 * is "." or "..". */
int cfs_beneath_open_parent(int dirfd, const char *path,
			    const char **name) CFS_MUST_CHECK;

/* Creates the missing directories of path, each with mode less the umask, and opens the
 * last one as cfs_beneath_open_dir. Existing directories are not changed. */
int cfs_beneath_make_dir(int dirfd, const char *path, mode_t mode) CFS_MUST_CHECK;

/* Like lstat(2). Returns 0 or -errno. */
int cfs_beneath_stat(int dirfd, const char *path, struct stat *out) CFS_MUST_CHECK;

/* The directory of the last path, for many paths in few directories. For one thread. */
struct cfs_beneath_near {
	int fd; /* or -1 */
	char dir[64];
};

/* One for each of n threads, or NULL: out of memory. Free with
 * cfs_beneath_free_near(near, n). */
struct cfs_beneath_near *cfs_beneath_new_near(unsigned n) CFS_MUST_CHECK;
void cfs_beneath_free_near(struct cfs_beneath_near *near, unsigned n);

/* As cfs_beneath_stat, with one system call if the last path had the same directory.
 * All paths of near must be beneath the same dirfd, and have a directory of 1 to 63
 * bytes (-EINVAL). A directory that was replaced since the last path is not noticed. */
int cfs_beneath_stat_near(struct cfs_beneath_near *near, int dirfd, const char *path,
			  struct stat *out) CFS_MUST_CHECK;

/* Like unlinkat(2). Returns 0 or -errno. */
int cfs_beneath_unlink(int dirfd, const char *path, int flags) CFS_MUST_CHECK;

/* Turns the -errno of one of these functions into an error. place: the path, as the user
 * gave it. */
int cfs_beneath_fail(int code, const char *place, struct cfs_err *err);

#endif
