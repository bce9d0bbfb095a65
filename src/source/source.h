/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* source: opens what the user named (directory, archive, dump, image file, image of a
 * repository) as a tree or an image.
 * Owns:  the meaning of a name, the order of scan, archive, store and cache, the places that a
 *        command writes to.
 * Uses:  base, decompress, hash, verity, tree, selinux (names of files of a policy), tar, dump,
 *        diff, scan, erofs, cache, store.
 * Never: knows repositories (the caller passes callbacks) or options, writes images,
 *        prints.
 */
#ifndef CFS_SOURCE_H
#define CFS_SOURCE_H

#include "source/archive.h"
#include "source/ingest.h"
#include "source/open_image.h"
#include "source/open_tree.h"
#include "source/own_places.h"
#include "source/pair.h"
#include "source/read_file.h"

#endif
