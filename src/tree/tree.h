/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* tree: the model of a file tree: the content of an image, independent of its format.
 * Owns:  nodes, names, xattrs, hard links; the builder that checks every rule; the
 *        frozen tree.
 * Uses:  base, hash.
 * Never: knows text, directories on disk, or EROFS.
 *
 * A tree is built by one builder, then frozen; nothing changes it afterwards. It consists
 * of a few arrays and one arena: nodes are packed and addressed by index, strings and
 * xattr pairs are stored once. The limits, in tree/node.h, are those of the image format.
 */
#ifndef CFS_TREE_H
#define CFS_TREE_H

#include "tree/node.h"
#include "tree/builder.h"
#include "tree/place.h"

#endif
