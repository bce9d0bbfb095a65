/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Changing a small file that others change at the same time: read, add to it, replace it whole, under a lock on the
 * file's own inode. So all paths to the file (symbolic links, bind mounts of its directory) have one lock.
 * A file that does not exist yet is made under the lock of its directory.
 */
#ifndef CFS_BASE_UPDATE_H
#define CFS_BASE_UPDATE_H

#include <stddef.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/lock.h"

struct cfs_update {
	int dir;	/* of the file, held */
	char *name;	/* in it */
	int fd;		/* the file, open for reading; -1: there is none yet */
	int lock;	/* of the directory, when there is no file */
	struct stat st; /* of the file */
};

/* Waits until nobody else has the file. Symbolic links are followed as by cfs_replace_open. Only a name that is free in a directory that exists counts as
 * no file: a symbolic link that leads nowhere is -ENOLINK, and what is not a regular file -EINVAL. -EBUSY: as of
 * cfs_lock_take. A deleted file that is still mounted somewhere is -ESTALE. */
int cfs_update_begin(const char *path, const struct cfs_lock_wait *wait,
		     struct cfs_update *out, struct cfs_err *err) CFS_MUST_CHECK;

/* Gives the file these contents, as cfs_replace does, and ends the update either way. */
int cfs_update_commit(struct cfs_update *u, const void *p, size_t len,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Leaves the file as it is. Harmless behind a commit. */
void cfs_update_end(struct cfs_update *u);

#endif
