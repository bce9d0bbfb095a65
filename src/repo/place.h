/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The repository that is used when none is named. */
#ifndef CFS_REPO_PLACE_H
#define CFS_REPO_PLACE_H

#include "base/err.h"

enum { CFS_REPO_PATH_MAX = 4096 };

/* The repository of the system: the first that exists of /sysroot/composefs and /composefs (operating systems that boot
 * from images have one of them), else /var/lib/composefs. Static. */
const char *cfs_repo_get_system_path(void);

/* The repository of a user: DATA_HOME/composefs, where data_home is $XDG_DATA_HOME (ignored unless absolute, as the XDG Base
 * Directory Specification says) or HOME/.local/share. HOME/.var/lib/composefs, the place of composefs-rs, if only that exists.
 * Both values may be NULL or empty. Returns buf; NULL: no home, or too long. */
const char *cfs_repo_format_user_path(const char *data_home, const char *home,
				      char buf[CFS_REPO_PATH_MAX]);

/* The default repositories of composefs-rs (rs): the one of the system (static), and that
 * of a user, which is HOME/.var/lib/composefs (returns buf; NULL: no home, or too long). */
const char *cfs_repo_get_rs_system_path(void);
const char *cfs_repo_format_rs_user_path(const char *home, char buf[CFS_REPO_PATH_MAX]);

/* Finds the repository that contains the current directory, itself or one above it: out gets its absolute path. 1; 0: there
 * is none. The search ends at a directory of another user than the caller and root, or in which everybody may rename. -EPERM:
 * what was found may be the work of another user, who would decide what the caller's commands read, and how. */
int cfs_repo_find_above(char out[CFS_REPO_PATH_MAX], struct cfs_err *err) CFS_MUST_CHECK;

#endif
