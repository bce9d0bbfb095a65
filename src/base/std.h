/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The standard descriptors of a program. */
#ifndef CFS_BASE_STD_H
#define CFS_BASE_STD_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/err.h"

/* Opens /dev/null on those of the descriptors 0 to 2 that are closed, so that no file that is opened later
 * becomes standard output, or takes the messages for standard error. The first thing that main() does. /dev/null is
 * opened for writing on 0 and for reading on 1 and 2: reading and writing there still fails with EBADF, as if they
 * were closed, and lost output does not pass for success. Children inherit them in the same form. -errno when it cannot be
 * done (no /dev/null, say): then the program ends. */
int cfs_std_open(struct cfs_err *err) CFS_MUST_CHECK;

/* Is it the null device? */
bool cfs_std_is_null(const struct stat *st);

#endif
