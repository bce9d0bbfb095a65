/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Removing whole directories.
 */
#ifndef CFS_REPO_REMOVE_H
#define CFS_REPO_REMOVE_H

#include "base/base.h"

/* Removes a file, or a directory with its content, without following symbolic links. 0
 * (also if it does not exist) or -errno. */
int cfs_repo_remove_tree(int dirfd, const char *name) CFS_MUST_CHECK;

#endif
