/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Atomic replacement of a file: it is written under a temporary name or none, then
 * renamed. */
#ifndef CFS_BASE_REPLACE_H
#define CFS_BASE_REPLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"

/* A file that is being written. Write to fd; then call commit or abort. */
struct cfs_replace {
	int fd;
	int dirfd;   /* directory of the file; -1 if fd is the file itself */
	char *name;  /* name in dirfd */
	char *tmp;   /* temporary name in dirfd, or NULL */
	mode_t mode; /* mode of the new file; before the umask, unless keeps_mode */
	bool existed, keeps_mode;
};

/* Opens path for replacement. Symbolic links are followed, also as the last component,
 * but only those that are the user's own (base/path.h). A device or a FIFO cannot be
 * replaced and is written in place, by the same rule; /dev/fd/N and the like are written
 * in place. The new file belongs to the caller and has mode 0666 less the umask. If it
 * replaces a file that belonged to the caller and had no other name, it keeps that mode,
 * without set-id bits. The file is not visible before the commit. The messages do not
 * contain the path. */
int cfs_replace_open(const char *path, struct cfs_replace *out,
		     struct cfs_err *err) CFS_MUST_CHECK;

/* The same for one name in an open directory. A symbolic link is refused with -ELOOP. */
int cfs_replace_open_at(int dirfd, const char *name, struct cfs_replace *out,
			struct cfs_err *err) CFS_MUST_CHECK;

/* Syncs the file and renames it to its name. Frees r, also on failure. */
int cfs_replace_commit(struct cfs_replace *r, struct cfs_err *err) CFS_MUST_CHECK;

/* The same, but replaces no file: -EEXIST without a message if the name exists. */
int cfs_replace_commit_new(struct cfs_replace *r, struct cfs_err *err) CFS_MUST_CHECK;

/* Replaces one name in an open directory by a file with this content: open_at, write and
 * commit. The messages do not contain the name. */
int cfs_replace_write(int dirfd, const char *name, struct cfs_span content,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* Removes the temporary file and frees r. May be called after a commit, and on a zeroed
 * struct with fd -1. */
void cfs_replace_abort(struct cfs_replace *r);

#endif
