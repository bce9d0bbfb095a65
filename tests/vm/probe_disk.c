/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Behind the back of a filesystem: its blocks are found by their content, so that its maps need
 * not be known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "probe.h"

enum { PIECE = 1 << 20, FLIPPED = 2000 };

static int flip_at(int device, uint64_t off, uint8_t was)
{
	uint8_t now = ~was;

	return pwrite(device, &now, 1, (off_t)off) == 1 ? 1 : -errno;
}

/* In the blocks of one piece. How many, or -errno. */
static int flip_in(int device, uint64_t off, const uint8_t *piece, size_t len,
		   const uint8_t *block)
{
	int n = 0;

	for (size_t i = 0; i + CFS_VERITY_BLOCK <= len; i += CFS_VERITY_BLOCK) {
		if (memcmp(piece + i, block, CFS_VERITY_BLOCK) != 0)
			continue;
		if (flip_at(device, off + i + FLIPPED, block[FLIPPED]) < 0)
			return -errno;
		n++;
	}
	return n;
}

static int flip(int device, const uint8_t *block)
{
	cfs_autofree uint8_t *piece = malloc(PIECE);
	uint64_t off = 0;
	int n = 0;
	ssize_t len;

	while (piece && (len = pread(device, piece, PIECE, (off_t)off)) > 0) {
		int more = flip_in(device, off, piece, (size_t)len, block);

		if (more < 0)
			return more;
		n += more;
		off += (uint64_t)len;
	}
	return fsync(device) < 0 ? -errno : n;
}

const char *probe_flip(char **arg)
{
	cfs_autofd int device = open(arg[0], O_RDWR | O_CLOEXEC);
	cfs_autofd int file = open(arg[1], O_RDONLY | O_CLOEXEC);
	uint8_t block[CFS_VERITY_BLOCK];
	int n;

	if (device < 0 || file < 0 ||
	    pread(file, block, sizeof(block), 0) != sizeof(block))
		return "unreadable";
	n = flip(device, block);
	if (n < 0)
		return strerrorname_np(-n);
	return n ? "yes" : "no";
}
