/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* compress: plain bytes to gzip and zstd, in front of a sink. The counterpart of decompress.
 * Owns:  the settings: gzip level 6 without a name and time, zstd level 3.
 * Uses:  base, decompress (the kinds of compression); zlib, libzstd.
 * Never: opens files, starts threads.
 *
 * The same bytes become the same output, however they are cut into pieces, with the same version of the library.
 */
#ifndef CFS_COMPRESS_H
#define CFS_COMPRESS_H

#include "base/base.h"
#include "decompress/decompress.h"

struct cfs_compress;

/* to is borrowed until cfs_compress_close. -ENOMEM. */
int cfs_compress_open(enum cfs_compression kind, struct cfs_sink to,
		      struct cfs_compress **out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_compress_close(struct cfs_compress *c); /* NULL is fine */

/* Where the plain bytes go. */
struct cfs_sink cfs_compress_get_sink(struct cfs_compress *c);

/* Writes what remains. Without this call the output is incomplete. */
int cfs_compress_finish(struct cfs_compress *c, struct cfs_err *err) CFS_MUST_CHECK;

#endif
