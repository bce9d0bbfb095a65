/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Two sources and the differences between their trees. */
#ifndef CFS_SOURCE_PAIR_H
#define CFS_SOURCE_PAIR_H

#include "source/open_tree.h"

struct cfs_source_pair {
	struct cfs_source a, b;
	struct cfs_diff *diff;
};

/* Opens what a and b name (open_tree.h). -EINVAL: both are standard input. The caller calls cfs_source_pair_close, also
 * after an error; a zeroed pair is valid. */
int cfs_source_pair_open(struct cfs_source_pair *p, const char *a, const char *b,
			 const struct cfs_source_opts *opts,
			 struct cfs_err *err) CFS_MUST_CHECK;

/* Finds the differences between their trees. watch may be NULL, and is borrowed until the pair is closed. */
int cfs_source_pair_compare(struct cfs_source_pair *p, const struct cfs_watch *watch,
			    struct cfs_err *err) CFS_MUST_CHECK;
void cfs_source_pair_close(struct cfs_source_pair *p);

#endif
