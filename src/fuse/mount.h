/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* fuse/mount: FUSE mounts: by root and in user namespaces with system calls, for other users with
 * fusermount3.
 */
#ifndef CFS_FUSE_MOUNT_H
#define CFS_FUSE_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/base.h"

/* Zero is the default. Strings are borrowed. */
struct cfs_fuse_mount_opts {
	const char *source; /* in the mount table; NULL: "composefs" */
	bool allow_other;   /* let all users in, not only the one who mounts */
	uint64_t attr;	    /* MOUNT_ATTR_*; the mount is always read-only */
};

/* Makes a detached FUSE mount. *dev is the descriptor for cfs_fuse_serve. Returns the descriptor of the mount. Nothing
 * in it can be used before it is served. -EPERM: needs CAP_SYS_ADMIN in the user namespace of the mount
 * namespace; -errno of /dev/fuse. */
int cfs_fuse_mount_detached(const struct cfs_fuse_mount_opts *o, int *dev,
			    struct cfs_err *err) CFS_MUST_CHECK;

/* Attaches it to a directory. */
int cfs_fuse_attach(int mount, const char *mountpoint,
		    struct cfs_err *err) CFS_MUST_CHECK;

/* Has the setuid program fusermount3 mount at a directory. Returns the descriptor for cfs_fuse_serve. -ENOENT: there is no
 * fusermount3; -EPERM: it refused, with a message on standard error. Sets _FUSE_COMMFD in the
 * environment: not for programs with threads. */
int cfs_fuse_mount_by_helper(const struct cfs_fuse_mount_opts *o, const char *mountpoint,
			     struct cfs_err *err) CFS_MUST_CHECK;

/* Unmounts with umount2(2), or fusermount3 where that is not permitted. flags: 0, or MNT_DETACH: when nothing uses it any
 * more. -EBUSY, or -EIO from fusermount3, which prints the reason: in use. */
int cfs_fuse_unmount(const char *mountpoint, int flags,
		     struct cfs_err *err) CFS_MUST_CHECK;

#endif
