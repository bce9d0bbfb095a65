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
	mode_t mode; /* of the file that is replaced */
	bool existed;
};

/* Prepares path (a symlink is followed, so that the link stays). What is no regular file (a
 * device, a fifo), and what stands for an open descriptor (/dev/fd/N), cannot be
 * replaced and is written straight. New files get mode 0666 less the umask, replaced ones
 * keep their mode. Nothing is seen before the commit. */
int cfs_replace_open(const char *path, struct cfs_replace *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* Brings the bytes to disk, then gives them the name. Ends the file either way. */
int cfs_replace_commit(struct cfs_replace *r, struct cfs_err *err) CFS_MUST_CHECK;

/* Leaves everything as it was. Harmless behind a commit and on a zeroed struct with fd -1. */
void cfs_replace_abort(struct cfs_replace *r);

#endif
