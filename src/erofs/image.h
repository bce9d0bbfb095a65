/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Reading: images as bytes that nobody vouches for.
 *
 * The image stays where it is; everything handed out is lent from its bytes. Each bound
 * is checked here, for all who read: -EUCLEAN names structure, inode, offset and rule.
 */
#ifndef CFS_EROFS_IMAGE_H
#define CFS_EROFS_IMAGE_H

#include "base/base.h"
#include "tree/tree.h"

#endif
