/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_EXTRACT_PRIV_H
#define CFS_EXTRACT_PRIV_H

#include "extract/extract.h"

struct extract {
	const struct cfs_extract *x;
	struct cfs_extract_report *report;
	struct cfs_verity *verity; /* NULL until a content is copied */
	uint8_t *buf;		   /* EXTRACT_BUF bytes, the same */
	struct cfs_spec_room room;
	struct cfs_watch_kind lost; /* xattrs */
	bool no_clone;
};

enum { EXTRACT_BUF = 256 * 1024 };

/* file.c: creates the regular file name in dirfd with its content, and returns a
 * descriptor. -EEXIST without a message: the name exists. Nothing is left after any other
 * failure. */
int extract_file(struct extract *e, int dirfd, const char *name,
		 const struct cfs_inode *inode, const struct cfs_inode_spec *spec,
		 struct cfs_err *err) CFS_MUST_CHECK;

/* attr.c: gives the file behind fd (O_PATH is enough) owner, xattrs, mode and time. */
int extract_attributes(struct extract *e, int fd, const struct cfs_inode_spec *spec,
		       struct cfs_text path, struct cfs_err *err) CFS_MUST_CHECK;

/* attr.c: removes ACLs that a new file got from its directory. */
void extract_drop_acl(int fd);

#endif
