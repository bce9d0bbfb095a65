/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* measure: the fs-verity digests of files, on several threads.
 * Owns:  the choice between the digest of the kernel and our own; the order of the
 *        output.
 * Uses:  base, verity.
 * Never: reads images.
 */
#ifndef CFS_MEASURE_H
#define CFS_MEASURE_H

#include "base/base.h"
#include "base/watch.h"

/* Prints the digests of the n files in order, one per line. Stops at the first file that
 * cannot be measured, and returns its error with the path in front. watch may be NULL;
 * -ECANCELED. */
int cfs_verity_measure_files(char *const *paths, size_t n, const struct cfs_watch *watch,
			     struct cfs_out *out, struct cfs_err *err) CFS_MUST_CHECK;

#endif
