/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Paths that the user gives for output. A symbolic link is followed only if the user or
 * root created it: one of them owns the link and its directory, and the directory is not
 * world-writable (unless it is sticky). Any other link is refused with -ELOOP and a
 * message that names it. Otherwise, another user who owns a directory in the path could
 * choose which file is written.
 *
 * The owner of "/" counts as root, for user namespaces that do not map root.
 */
#ifndef CFS_BASE_PATH_H
#define CFS_BASE_PATH_H

#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/err.h"

/* Opens a directory for the *at() calls (O_PATH). The messages of these functions do not
 * contain the path. */
int cfs_path_open_dir(const char *path, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, but creates missing directories: the last one with this mode, those above it
 * with 0755, all less the umask. *made (unless made is NULL) is set to true if the last
 * one was created. */
int cfs_path_make_dir(const char *path, mode_t mode, bool *made,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Opens the directory of a file. *out is the name in it; the caller frees it. If the
 * last component is a symbolic link, it is followed by the rule above. The file need not
 * exist. -EISDIR: the path ends in "/", "." or "..". */
int cfs_path_open_parent(const char *path, char **out,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Returns true if a component names an entry of its directory: it is not "", "." or "..". */
static inline bool cfs_path_is_name(const char *component)
{
	return *component && strcmp(component, ".") != 0 && strcmp(component, "..") != 0;
}

/* Returns true if only the user or root can have created the file of st in dir. */
bool cfs_path_is_own(const struct stat *dir, const struct stat *st);

/* Returns 1 if group or others can reach the files in the directory "below" of dirfd, 0
 * if not, -ENOENT without a message if it does not exist. *mode: the permissions of
 * dirfd, unless NULL. A symbolic link is not followed: -ENOTDIR. */
int cfs_path_is_exposed(int dirfd, const char *below, unsigned *mode,
			struct cfs_err *err) CFS_MUST_CHECK;

/* The same for a bare store, the directory behind dirfd with objects in xx/rest: whether others can reach
 * one. The directory above counts, too: that may be a repository which protects them.
 * -ENOENT: there are no objects. */
int cfs_path_is_store_exposed(int dirfd, unsigned *mode,
			      struct cfs_err *err) CFS_MUST_CHECK;

/* Removes components from the end of the path until the rest exists. The last resort is
 * "/" or ".". */
void cfs_path_cut_missing(char *path);

#endif
