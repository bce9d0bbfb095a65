/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* etcmerge: the changes that were made to /etc of one image, for /etc of the next one.
 * Owns:  what a change is, which side wins, what a conflict is.
 * Uses:  base, hash, verity (digests of files), tree (specs), erofs (reader).
 * Never: mounts, opens objects, prints, changes the layer that it reads.
 *
 * The changes are the upper layer of an overlay over /etc of the old image; the result is
 * an upper layer for the new one. For each name in the layer there are three sides: the old
 * image, the layer, and the new image.
 *
 * - What is in the layer and equals the old image is no change (a file that was written back,
 *   a directory above a changed file). It is left out, so the new image shows.
 * - What equals the new image is left out.
 * - Every other file, link, device and whiteout is copied: a change by the user wins. It is a
 *   conflict if the new image changed the same name as well.
 * - A directory is merged. Its owner, mode and xattrs are those of the new image unless
 *   the user changed them.
 *
 * So the user's changes are kept, and nothing that was not changed hides the new image. The
 * layer belongs to a system that may run: it is only read. It is not trusted: no symbolic
 * link in it is followed, and no device or FIFO is opened.
 */
#ifndef CFS_ETCMERGE_H
#define CFS_ETCMERGE_H

#include "base/base.h"
#include "erofs/erofs.h"

enum { CFS_ETC_DEPTH_MAX = 100 }; /* directories below each other */

struct cfs_etc_merge {
	const struct cfs_image *old_image, *new_image;
	int upper; /* the layer, open for reading */
	int out;   /* an empty directory, open for reading */
	/* The user's change of /etc/PATH is kept, and hides one of the new image. */
	int (*conflict)(void *ctx, const char *path, const char *what,
			struct cfs_err *err);
	void *ctx;
	const struct cfs_watch *watch;
};

/* Fills out. The caller makes it durable. -ENOTSUP: the layer has a file whose content is
 * partly in the old image (redirect, metacopy); -ELOOP: it is too deep; else the codes of
 * system calls, of the reader and of conflict. out is incomplete after a failure. */
int cfs_etc_merge(const struct cfs_etc_merge *merge, struct cfs_err *err) CFS_MUST_CHECK;

#endif
