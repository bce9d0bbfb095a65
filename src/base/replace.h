/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Replacing a file whole or not at all: written beside its name, then renamed into place. */
#ifndef CFS_BASE_REPLACE_H
#define CFS_BASE_REPLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

/* A file under way. fd is for writing; commit or abort ends it. */
struct cfs_replace {
	int fd;
	int dirfd;   /* of the file's directory, or -1 when fd is the file itself */
	char *name;  /* in dirfd */
	char *tmp;   /* the name beside it while there is one, else NULL */
	mode_t mode; /* of the new file, before the umask where it is not kept */
	bool existed, keeps_mode;
};

/* Prepares path. Symbolic links are followed, also the last one, which stays, but only those that are
 * the user's own (base/path.h). What is no regular file (a device, a FIFO) cannot be replaced and is
 * written straight, by the same rule; what stands for an open descriptor (/dev/fd/N) is written
 * straight. The file belongs to the caller and has mode 0666 less the umask; one that it replaces keeps
 * its mode when it belonged to the caller and had no other name. Set-id bits are never kept. Nothing
 * is seen before the commit. The messages do not have the path. */
int cfs_replace_open(const char *path, struct cfs_replace *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The same for one name in a directory that is held. A link there is refused (-ELOOP). */
int cfs_replace_open_at(int dirfd, const char *name, struct cfs_replace *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Brings the bytes to disk, then gives them the name. Ends the file either way. */
int cfs_replace_commit(struct cfs_replace *r, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, but replaces nothing: -EEXIST without a message when there is a file of that name by now. */
int cfs_replace_commit_new(struct cfs_replace *r, struct cfs_err *err) CFS_MUST_CHECK;

/* Leaves everything as it was. Harmless behind a commit and on a zeroed struct with fd -1. */
void cfs_replace_abort(struct cfs_replace *r);

#endif
