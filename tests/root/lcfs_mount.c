/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* lcfs_mount IMAGE MOUNTPOINT OBJECTS DIGEST: mounts by the library alone, first by path, then, where
 * that is refused, by descriptor; for tests that need the library's word. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "libcomposefs/lcfs-mount.h"

int main(int argc, char **argv)
{
	const char *dirs[1];
	struct lcfs_mount_options_s o = {dirs, 1};
	int fd;

	if (argc != 5)
		return 2;
	dirs[0] = argv[3];
	o.expected_fsverity_digest = argv[4];
	if (lcfs_mount_image(argv[1], argv[2], &o) == 0)
		return 0;
	printf("%d\n", errno);
	fd = open(argv[1], O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && lcfs_mount_fd(fd, argv[2], &o) == 0)
		return 0;
	printf("%d\n", errno);
	return 1;
}
