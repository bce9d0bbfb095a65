/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* erofs: the image: tree -> plan -> bytes, and the way back.
 * Owns:  the image format (versions 0 and 1), the overlay rules that composefs adds to
 *        it, the only code that interprets image bytes.
 * Uses:  base, hash (xxh32), tree.
 * Never: opens files, mounts, prints.
 *
 * write.h is the way in, image.h the way back, format.h the numbers.
 */
#ifndef CFS_EROFS_H
#define CFS_EROFS_H

#include "erofs/format.h"
#include "erofs/image.h"
#include "erofs/key_prefix.h"
#include "erofs/quirks.h"
#include "erofs/write.h"

#endif
