/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Files, links and directories of an image store, which are replaced atomically. */
#ifndef CFS_COMPOSEFS_STORE_FILES_H
#define CFS_COMPOSEFS_STORE_FILES_H

#include "base/base.h"

/* Write a file below dirfd, which replaces an existing one at once, or not at all. */
int store_write_file(int dirfd, const char *name, const void *p, size_t len,
		     struct cfs_err *err) CFS_MUST_CHECK;
int store_write_text(int dirfd, const char *name, const char *text,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Sets a symbolic link; one with another target is replaced. */
int store_set_link(int dirfd, const char *name, const char *target,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Opens a directory below dirfd, which is created if it is missing. */
int store_make_dir(int dirfd, const char *path, struct cfs_err *err) CFS_MUST_CHECK;

/* Counts the entries of a directory. */
int store_count_names(int dirfd, size_t *n, struct cfs_err *err) CFS_MUST_CHECK;

#endif
