/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* source: from what the user named (directory, dump, image file, image of a repository) to a tree or an image.
 * Owns:  what a name means, the order in which scan, store and cache work, the places that a command writes to.
 * Uses:  base, tree, dump, diff, scan, erofs, cache, store.
 * Never: knows repositories (the caller has callbacks for them) or options, writes images, prints.
 */
#ifndef CFS_SOURCE_H
#define CFS_SOURCE_H

#include "source/ingest.h"
#include "source/open_image.h"
#include "source/open_tree.h"
#include "source/own_places.h"
#include "source/pair.h"

#endif
