/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Round trips of fuzz targets: text -> tree -> image -> tree -> text, and what must be equal. */
#ifndef TRIP_H
#define TRIP_H

#include "dump/dump.h"
#include "erofs/erofs.h"

/* NULL when the text is refused, and then there is a reason. */
struct cfs_tree *trip_parse(struct cfs_text text, bool strict);

/* The tree as a text, to be released. */
struct cfs_text trip_text(const struct cfs_tree *t);
void trip_release(struct cfs_text text);

/* The image of a tree, its p to be freed; p is NULL when the format has no room for the tree. */
struct cfs_mem trip_image(const struct cfs_tree *t, uint32_t min_version);

/* Does an image tell all of the tree that shows in its bytes? Not xattrs that look like marks of
 * whiteouts, and sizes of what has none. */
bool trip_is_told(const struct cfs_tree *t);

/* The tree of an image that our writer made, which must be good in every way that there is. */
struct cfs_tree *trip_load(struct cfs_mem image);

/* To an image and back: all that an image keeps must be there again, and what came back is
 * written as a text that is read by the strict rules. */
void trip_through_image(const struct cfs_tree *t, uint32_t min_version);

#endif
