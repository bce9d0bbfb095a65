/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the files of this room share. */
#ifndef CFS_MOUNT_PRIV_H
#define CFS_MOUNT_PRIV_H

#include "mount/mount.h"

enum { CFS_PROC_FD_MAX = 32, CFS_LOOP_PATH_MAX = 32 };

#define CFS_MOUNT_RESTRAINTS ((uint64_t)(MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV))

/* Gives upperdir owner, mode, xattrs and times of the root of the image mount, where upperdir is the caller's and
 * was never used: it and workdir are empty. */
int cfs_mount_give_root(int image_mount, const char *upperdir, const char *workdir,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Attributes of fsmount(2) as flags of mount(2). */
uint64_t cfs_mount_old_flags(uint64_t attr);

/* Whether -s may pass over an option that is not known: not one that has to do with verification, is almost
 * the name of one that makes the mount stricter, or has a value that looks like a digest. */
enum { CFS_SLOPPY_NAME_MAX = 64 };
bool cfs_mount_may_pass_over(struct cfs_text name, struct cfs_text value);

/* "/proc/self/fd/N"; returns out. The kernel's mount calls take descriptors as text this
 * way. */
const char *cfs_proc_fd(int fd, char out[CFS_PROC_FD_MAX]);

/* Puts the file behind fd on a free loop device: read only, direct I/O where possible,
 * freed when its last user is gone. *out is its descriptor, as long as which is open path
 * is the device's; name is shown by losetup(8), may be NULL. */
int cfs_loop_attach(int fd, const char *name, int *out, char path[CFS_LOOP_PATH_MAX],
		    struct cfs_err *err) CFS_MUST_CHECK;

/* The largest image in bytes that is read ahead, by the text of /proc/meminfo. */
uint64_t cfs_prefetch_max(struct cfs_text meminfo);

/* Reads the first len bytes of a file or block device ahead, in pieces. Best effort. */
void cfs_prefetch(int fd, uint64_t len, bool wait);

#endif
