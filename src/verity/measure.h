/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* measure: the fs-verity digests of files, on several threads.
 * Owns:  who says what the digest is, the kernel or we; the order of the answers.
 * Uses:  base, verity.
 * Never: looks into images.
 */
#ifndef CFS_MEASURE_H
#define CFS_MEASURE_H

#include "base/base.h"

/* Puts the digests of the n files, one a line and in order, up to the first file that cannot be
 * measured: its error is returned, with the path in front. */
int cfs_verity_measure_files(char *const *paths, size_t n, struct cfs_out *out,
			     struct cfs_err *err) CFS_MUST_CHECK;

#endif
