/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* extract: a part of an image -> files on disk, as a mount of the image shows them.
 * Owns:  the order in which files, contents and metadata are written; what an ordinary
 *        user cannot write.
 * Uses:  base, hash, verity (digests), tree, erofs (reader).
 * Never: opens objects (a callback does), follows a symbolic link, prints.
 *
 * Everything is created through the descriptor of its directory, with O_EXCL or its like.
 * New directories have mode 0700 until all that is below is complete, so that other users
 * cannot exchange anything meanwhile. After a failure the part that was extracted so far
 * stays, without the file that failed.
 */
#ifndef CFS_EXTRACT_H
#define CFS_EXTRACT_H

#include "base/base.h"
#include "erofs/erofs.h"
#include "verity/verity.h"

struct cfs_extract {
	const struct cfs_image *im;
	const char *top; /* path in the image, without symbolic links; "" is the root */
	int dirfd;
	const char *name; /* of the new entry in dirfd; NULL: top is a directory, and its
			   * entries go into dirfd itself, which gets its attributes */
	bool force;   /* replace existing files, and write into existing directories */
	bool as_root; /* give files their owners, and make devices */
	/* Opens the object of a file, and sets *id. */
	int (*open_object)(void *ctx, const struct cfs_inode *inode,
			   struct cfs_digest *id, struct cfs_err *err);
	void *ctx;
	const struct cfs_watch *watch; /* warns of xattrs that the filesystem refuses */
};

struct cfs_extract_report {
	uint64_t entries, bytes; /* created; of contents */
	uint64_t shared;	 /* files that share the blocks of their object */
	uint64_t devices;	 /* left out, because the caller is not root */
	uint64_t owners;	 /* entries of other owners, which became the caller's */
};

/* Extracts top and all below it. Each content that is not in the image is compared with
 * its digest. -EEXIST: a file exists already, and force is not set; -EILSEQ: an object has
 * another content; -ENOTDIR, -EISDIR: force does not replace a directory by another type;
 * -ESTALE: another user exchanged a file in a directory that existed before; -EUCLEAN: the image is damaged; the codes of open_object and of system calls. */
int cfs_extract(const struct cfs_extract *x, struct cfs_extract_report *out,
		struct cfs_err *err) CFS_MUST_CHECK;

#endif
