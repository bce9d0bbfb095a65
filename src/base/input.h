/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Input files: opened without blocking, and read up to a limit. */
#ifndef CFS_BASE_INPUT_H
#define CFS_BASE_INPUT_H

#include <stddef.h>

#include "base/err.h"
#include "base/sink.h"

enum {
	CFS_INPUT_NOFOLLOW = 1, /* the last component must not be a symlink */
	CFS_INPUT_BENEATH =
		4, /* no component may be a symlink or lead out (see base/beneath.h) */
	CFS_INPUT_PIPE = 2, /* also accept an unnamed pipe, as in sign --key=<(...) */
};

/* Opens a regular file for reading; path as for openat(). Any other file is refused with
 * -EINVAL (a directory with -EISDIR, a symlink with -ELOOP), and is not opened at all:
 * opening a FIFO can block, and opening a device can rewind a tape or reset a terminal.
 * The message does not contain the path. The descriptor is close-on-exec. */
int cfs_input_open(int dirfd, const char *path, unsigned flags,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Appends a whole file to out. If it has more than max bytes, it is refused with -EFBIG
 * before anything is read. */
int cfs_input_read(int dirfd, const char *path, unsigned flags, size_t max,
		   struct cfs_mem *out, struct cfs_err *err) CFS_MUST_CHECK;

/* The same for an open descriptor. The size of a pipe is unknown, so at most max + 1
 * bytes are read from it. */
int cfs_input_read_fd(int fd, size_t max, struct cfs_mem *out,
		      struct cfs_err *err) CFS_MUST_CHECK;

/* The name of a file type with its article, for messages: "a FIFO". */
const char *cfs_input_get_type_name(unsigned mode);

#endif
