/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tree: the model of a file tree: what an image says, not how.
 * Owns:  nodes, names, xattrs, hard links; the builder that checks every rule; the
 *        frozen tree.
 * Uses:  base, hash.
 * Never: knows text, directories on disk, or EROFS.
 *
 * A tree is made through one builder, then frozen; nothing changes it afterwards. All of
 * it lies in a few arrays and one arena: nodes are packed and named by index, strings and
 * xattr pairs are stored once. Limits: those of the image format, in tree/node.h.
 */
#ifndef CFS_TREE_H
#define CFS_TREE_H

#include "tree/node.h"
#include "tree/builder.h"
#include "tree/place.h"

#endif
