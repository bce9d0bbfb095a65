/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the rules about kernels ask of xattrs and backing paths. */
#ifndef CFS_EROFS_KERNEL_PRIV_H
#define CFS_EROFS_KERNEL_PRIV_H

#include "erofs/image.h"
#include "erofs/quirks.h"

/* Is it an ACL, or capabilities? */
bool kernel_is_acl(struct cfs_text key);
bool kernel_is_capability(struct cfs_text key);

/* Is there a handler for that key, which an inode of the tree has? */
bool kernel_shows_key(struct cfs_text key);

/* Is the value of that key, an ACL, whole, and one that is given back byte for byte, on an inode of that type? */
bool kernel_takes_acl(struct cfs_text key, struct cfs_span value, uint32_t mode);

/* The same of capabilities. */
bool kernel_takes_capability(struct cfs_span value);

/* Can a file be found under that backing path? */
bool kernel_finds_path(struct cfs_text path);

/* An inode of a walk as the rules see it. The caller sets the first four, then passes each raw xattr. */
struct cfs_kernel_look {
	const struct cfs_image *im;
	const struct cfs_inode *inode;
	const struct cfs_inode_spec *spec;
	bool twins; /* an xattr key occurs twice (struct cfs_spec_room) */
	bool digest, escaped, whiteout, whiteouts, opaque;
};

void kernel_look_at_xattr(struct cfs_kernel_look *look, const struct cfs_raw_xattr *x);

/* Adds what the rules say of the inode to out, which has CFS_KERNEL_N_RULES. */
void kernel_find_inode(struct cfs_kernel_look *look, struct cfs_text path,
		       struct cfs_kernel_finding *out);

/* Call once after the last inode. */
int kernel_find_end(const struct cfs_image *im, struct cfs_kernel_finding *out,
		    struct cfs_err *err) CFS_MUST_CHECK;

#endif
