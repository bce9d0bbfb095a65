/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The main program of a fuzz target that is built without libFuzzer: calls it once for each
 * file that is named, or lies in a directory that is named. One TAP line for each argument. */
#include "fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/base.h"

/* In memory of just that size, so that the sanitizer sees a read of the first byte behind it. */
static void try_exactly(struct cfs_span input)
{
	uint8_t *copy = malloc(input.len);

	fuzz_hold(copy || input.len == 0);
	if (input.len)
		memcpy(copy, input.p, input.len);
	LLVMFuzzerTestOneInput(copy, input.len);
	free(copy);
}

/* Returns the number of inputs, 0 for what is no file. */
static int replay_file(int dirfd, const char *name, struct cfs_err *err)
{
	cfs_autofd int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	struct cfs_map map;
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "open");
	rc = cfs_map_copy(fd, &map, err);
	if (rc == -EISDIR)
		return 0;
	if (rc < 0)
		return rc;
	try_exactly(map.span);
	cfs_map_close(&map);
	return 1;
}

static int replay_dir(DIR *dir, struct cfs_err *err)
{
	const struct dirent *e;
	int n = 0;

	while ((e = readdir(dir))) {
		int rc = replay_file(dirfd(dir), e->d_name, err);

		if (rc < 0)
			return cfs_context(err, rc, "%s", e->d_name);
		n += rc;
	}
	return n > 0 ? n : cfs_fail(err, ENOENT, "expected files to replay, got none");
}

static int replay_path(const char *path, struct cfs_err *err)
{
	DIR *dir = opendir(path);
	int rc;

	if (!dir)
		return cfs_context(err, replay_file(AT_FDCWD, path, err), "%s", path);
	rc = replay_dir(dir, err);
	closedir(dir);
	return cfs_context(err, rc, "%s", path);
}

int main(int argc, char **argv)
{
	int failed = 0;

	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++) {
		struct cfs_err err;
		int n = replay_path(argv[i], &err);

		if (n < 0)
			printf("not ok %d - %s\n", i, err.msg);
		else
			printf("ok %d - %d inputs of %s\n", i, n, argv[i]);
		failed += n < 0;
	}
	return failed != 0;
}
