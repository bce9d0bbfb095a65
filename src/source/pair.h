/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* pair: the two sides of a comparison and the differences between their trees.
 * Owns:  both sides and the diff.
 * Uses:  side, diff.
 * Never: prints.
 */
#ifndef CFS_PAIR_H
#define CFS_PAIR_H

#include "source/open_tree.h"

struct pair {
	struct side a, b;
	struct cfs_diff *diff;
};

/* The caller calls pair_close, also after an error; a zeroed pair is valid. */
int pair_open(struct pair *p, const char *a, const char *b, const struct side_opts *opts,
	      struct cfs_err *err) CFS_MUST_CHECK;
void pair_close(struct pair *p);

#endif
