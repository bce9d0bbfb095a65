/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Update a small file that other processes update at the same time: read it, change it
 * and replace it atomically, under a lock on the inode of the file. So all paths to the
 * file (symbolic links, bind mounts of its directory) share one lock. A file that does
 * not exist yet is created under a lock on its directory.
 */
#ifndef CFS_BASE_UPDATE_H
#define CFS_BASE_UPDATE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/lock.h"

struct cfs_update {
	int dir;    /* directory of the file */
	char *name; /* name in dir */
	int fd;	    /* the file, open for reading; -1 if it does not exist */
	int lock;   /* the locked directory, if the file does not exist; otherwise -1 */
	struct stat st; /* status of the file */
};

/* Waits until no other process holds the lock. Symbolic links are followed as by
 * cfs_replace_open. Only a free name in an existing directory counts as a missing file: a
 * dangling symbolic link gives -ENOLINK, a file of another type -EINVAL. -EBUSY: as
 * cfs_lock_take. -ESTALE: the file was deleted and is still mounted somewhere. */
int cfs_update_begin(const char *path, const struct cfs_lock_wait *wait,
		     struct cfs_update *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Replaces the contents of the file as cfs_replace does, and ends the update, also on
 * failure. */
int cfs_update_commit(struct cfs_update *u, const void *p, size_t len,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Ends the update without a change. May be called after a commit. */
void cfs_update_end(struct cfs_update *u);

#endif
