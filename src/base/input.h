/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Input files: opened without waiting for anybody, read within a bound. */
#ifndef CFS_BASE_INPUT_H
#define CFS_BASE_INPUT_H

#include <stddef.h>

#include "base/err.h"
#include "base/sink.h"

enum {
	CFS_INPUT_NOFOLLOW = 1, /* the last component is no symlink */
	CFS_INPUT_BENEATH =
		4, /* no component is a symlink, and none leads out (see base/beneath.h) */
	CFS_INPUT_PIPE = 2, /* or a pipe without a name, as in sign --key=<(...) */
};

/* Opens a regular file for reading; path as for openat(). Anything else, a FIFO or a device say, is refused
 * with -EINVAL (a directory with -EISDIR, a symlink with -ELOOP) and is not even opened: that could wait, rewind a tape or reset
 * a terminal. The message does not have the path. The descriptor closes on exec. */
int cfs_input_open(int dirfd, const char *path, unsigned flags,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Appends a whole file to out. One of more than max bytes is refused with -EFBIG before anything is read. */
int cfs_input_read(int dirfd, const char *path, unsigned flags, size_t max,
		   struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same of what is open, a pipe say: nothing is known before, so at most max + 1 bytes are read. */
int cfs_input_read_fd(int fd, size_t max, struct cfs_mem *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* What a mode stands for: "a FIFO". */
const char *cfs_input_type_name(unsigned mode);

#endif
