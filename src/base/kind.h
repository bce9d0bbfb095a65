/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* kind: what a file is by its first bytes, for messages about a file that is something else. */
#ifndef CFS_BASE_KIND_H
#define CFS_BASE_KIND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* So many bytes of a file are enough to tell all kinds. */
enum { CFS_KIND_LEN = 2048 };

struct cfs_kind {
	/* With an article, and where it helps what to do: "data compressed by xz (xz -dc unpacks it)". */
	const char *name;
	bool is_tar; /* a tar archive, or compressed data that may be one, which we read */
	uint64_t off;
	size_t magic_len;
	const char *magic;
};

/* Tells what a file is by the bytes at its begin. NULL: not known. The author of the file decides, so the answer is for
 * messages, and for refusing what would be read as something else. */
const struct cfs_kind *cfs_kind_find(struct cfs_span head);

/* The same for an open file, without moving its offset. NULL also if it cannot be read at an offset, as a pipe. */
const struct cfs_kind *cfs_kind_find_fd(int fd);

#endif
