/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Evaluation of the rules about kernels, inode by inode, in the walk of the check. */
#ifndef CFS_EROFS_QUIRKS_PRIV_H
#define CFS_EROFS_QUIRKS_PRIV_H

#include "erofs/quirks.h"
#include "erofs/xattr.h"
#include "tree/tree.h"

/* An inode of a walk as the rules see it. The caller sets the first four, then passes each raw xattr. */
struct cfs_kernel_look {
	const struct cfs_image *im;
	const struct cfs_inode *inode;
	const struct cfs_inode_spec *spec;
	bool twins; /* an xattr key occurs twice (struct cfs_spec_room) */
	bool digest, escaped, whiteout, whiteouts, opaque;
};

/* Notes in look what the rules need to know of an xattr of its inode. */
void kernel_look_at_xattr(struct cfs_kernel_look *look, const struct cfs_raw_xattr *x);

/* Adds what the rules say of the inode to out, which has CFS_KERNEL_N_RULES. */
void kernel_find_inode(struct cfs_kernel_look *look, struct cfs_text path,
		       struct cfs_kernel_finding *out);

/* Call once after the last inode. */
int kernel_find_end(const struct cfs_image *im, struct cfs_kernel_finding *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

#endif
