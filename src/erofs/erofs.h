/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: the image: tree -> plan -> bytes, and the way back.
 * Owns:  the image format (versions 0 and 1), the overlay rules that composefs adds to
 *        it, the only code that interprets image bytes.
 * Uses:  base, hash (xxh32), verity (digests), tree.
 * Never: opens files, mounts, prints.
 *
 * Writing: write.h. Reading: image.h and the headers above it. The numbers: format.h.
 */
#ifndef CFS_EROFS_H
#define CFS_EROFS_H

#include "erofs/canonical.h"
#include "erofs/check.h"
#include "erofs/content.h"
#include "erofs/dir.h"
#include "erofs/format.h"
#include "erofs/image.h"
#include "erofs/image_file.h"
#include "erofs/inode.h"
#include "erofs/inode_spec.h"
#include "erofs/key_prefix.h"
#include "erofs/load.h"
#include "erofs/lookup.h"
#include "erofs/quirks.h"
#include "erofs/resolve.h"
#include "erofs/superblock.h"
#include "erofs/walk.h"
#include "erofs/write.h"
#include "erofs/xattr.h"

#endif
