/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/image: an image, mounted in one of the ways of fuse/method.
 */
#ifndef CFS_FUSE_IMAGE_H
#define CFS_FUSE_IMAGE_H

#include "fuse/method.h"
#include "fuse/proof.h"
#include "mount/mount.h"

/* Mounts the image behind fd, which must be readable, at mountpoint. With a server: in a process of its own, which keeps
 * fd open, so that the image is in use. verify: verify every read, which takes CFS_METHOD_FUSE; NULL: not. taken may be
 * NULL. -EILSEQ: the image has another digest than that of verify; codes of cfs_mount_fd, cfs_fuse_start and
 * cfs_fuse_mount_by_helper. Not for programs with threads. */
int cfs_fuse_mount_image(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
			 const struct cfs_method_choice *how,
			 const struct cfs_fuse_verify *verify,
			 struct cfs_mount_taken *taken,
			 struct cfs_err *err) CFS_MUST_CHECK;

#endif
