/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Whether a file is in use: open in any process, or mounted in any mount namespace. */
#ifndef CFS_BASE_FILE_USE_H
#define CFS_BASE_FILE_USE_H

#include "base/err.h"

enum cfs_file_use {
	CFS_FILE_UNUSED,
	CFS_FILE_USED,
	CFS_FILE_USE_UNKNOWN, /* the filesystem cannot tell, or this user may not ask */
};

/* Finds out whether a regular file is in use. Returns an enum cfs_file_use, or -errno. */
int cfs_file_probe_use(int fd, struct cfs_err *err) CFS_MUST_CHECK;

/* The reason to keep a file for which cfs_file_probe_use did not return CFS_FILE_UNUSED. */
const char *cfs_file_get_use_reason(int use);

#endif
