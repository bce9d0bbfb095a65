/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The standard descriptors of a program. */
#ifndef CFS_BASE_STD_H
#define CFS_BASE_STD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

/* Opens /dev/null on those of the descriptors 0 to 2 that are closed, so that no file
 * that is opened later becomes standard output or receives the messages for standard
 * error. main() calls this first. /dev/null is opened for writing on 0 and for reading on
 * 1 and 2: reads and writes still fail with EBADF, as on a closed descriptor, so that
 * lost output is noticed. Child processes inherit the descriptors. On failure (no
 * /dev/null, for example) the program must exit. */
int cfs_std_open(struct cfs_err *err) CFS_MUST_CHECK;

/* Returns true for the null device. */
bool cfs_std_is_null(const struct stat *st);

#endif
