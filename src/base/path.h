/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Paths that the user names, to write there. A symbolic link in one is followed when it can only come
 * from the user or from root: link and directory belong to one of them, and not everybody may write to
 * the directory (unless it is sticky). Any other link is refused, with -ELOOP and a message that
 * has its name: whoever owns a directory on the way could otherwise choose where the user writes.
 *
 * The owner of "/" counts as root, for user namespaces that do not map root.
 */
#ifndef CFS_BASE_PATH_H
#define CFS_BASE_PATH_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* The directory, for the *at() calls (O_PATH). The messages of these functions do not have the path. */
int cfs_path_open_dir(const char *path, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, and makes what is missing: the last directory with this mode, those above it with 0755, all
 * less the umask. *made, unless it is NULL: the last one is new. */
int cfs_path_make_dir(const char *path, mode_t mode, bool *made,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* The directory of the file, and its name there (the caller's, to free); links in the last place are
 * followed by the same rule. The file may not exist. -EISDIR: the path ends in a slash, or in a
 * component that is no name. */
int cfs_path_open_parent(const char *path, char **name,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Can only the user or root have put what st is about into dir? */
bool cfs_path_is_own(const struct stat *dir, const struct stat *st);

#endif
