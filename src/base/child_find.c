/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Where our other programs are. In a file of its own: mount.composefs must be small. */
#include "base/child.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

const char *cfs_child_find(const char *name, char buf[4096])
{
	/* As in a build folder; HELPER_DIR: as it is installed. */
	static const char *const places[] = {"", HELPER_DIR "/"};
	ssize_t len = readlink("/proc/self/exe", buf, 4096);
	const char *slash = len > 0 ? memrchr(buf, '/', (size_t)len) : NULL;
	size_t dir = slash ? (size_t)(slash - buf) + 1 : 0;

	for (size_t i = 0; dir && i < sizeof(places) / sizeof(places[0]); i++) {
		/* An absolute HELPER_DIR is no part of the directory of the program. */
		size_t at = *places[i] == '/' ? 0 : dir;
		int n = snprintf(buf + at, 4096 - at, "%s%s", places[i], name);

		if (n > 0 && (size_t)n < 4096 - at && access(buf, X_OK) == 0)
			return buf;
	}
	return name;
}
