/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The buffers of a text, for the files of this room. */
#ifndef CFS_DIFF_TEXT_PRIV_H
#define CFS_DIFF_TEXT_PRIV_H

#include "diff/diff.h"

/* Starts a new text; puts go to what is returned. */
struct cfs_out *diff_text_begin(struct cfs_diff_text *t);

/* The finished text, or NULL: out of memory. */
const struct cfs_mem *diff_text_end(struct cfs_diff_text *t);

/* Puts a path of any length, escaped. -ENOMEM. */
int diff_text_put_path(struct cfs_diff_text *t, const struct cfs_tree *tree,
		       cfs_id name) CFS_MUST_CHECK;

#endif
