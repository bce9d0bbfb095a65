/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* diff: the differences between two trees, and the causes that explain them.
 * Owns:  the merge of two trees, the comparison of two inodes and of their contents, the
 *        grouping of differences into causes, the text of both.
 * Uses:  base (worker pool), hash, verity (digests), tree, dump (escapes).
 * Never: opens files (a callback does), knows images, prints.
 *
 * trees -> differences (cfs_diff_new) -> causes (cfs_causes_find, causes.h). Each is read-only and
 * borrows from the one before; nothing is compared twice.
 */
#ifndef CFS_DIFF_H
#define CFS_DIFF_H

#include "diff/causes.h"
#include "diff/differences.h"
#include "diff/text.h"

#endif
