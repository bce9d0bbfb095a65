/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The name under which the writer numbered an inode with several names. */
#ifndef CFS_EROFS_PRIMARY_NAME_H
#define CFS_EROFS_PRIMARY_NAME_H

#include "erofs/inode.h"

/* Starts zeroed, and is finished by the caller whatever the outcome. */
struct cfs_primaries {
	const char **names;
};

/* Only for an image that a walk accepted: no directory has two names. */
int cfs_primaries_find(const struct cfs_image *im, const struct cfs_watch *watch,
		       struct cfs_primaries *out, struct cfs_err *err) CFS_MUST_CHECK;
void cfs_primaries_fini(struct cfs_primaries *p);

/* Whether the inode was written under that name, which is borrowed from the image. */
bool cfs_primaries_has(const struct cfs_primaries *p, const struct cfs_inode *inode,
		       struct cfs_text name);

#endif
