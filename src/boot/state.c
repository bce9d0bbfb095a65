/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* What the state disk has for /etc and /var. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "boot/boot_priv.h"

/* Half of the layers is what is left if the machine lost power when they were created. */
static int inspect_entries(DIR *dir, enum cfs_boot_state *out, struct cfs_err *err)
{
	bool upper = false, work = false, other = false;
	const struct dirent *e;

	while (errno = 0, (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (strcmp(e->d_name, "upper") == 0)
			upper = true;
		else if (strcmp(e->d_name, "work") == 0)
			work = true;
		else
			other = true;
	}
	if (errno)
		return cfs_fail_errno(err, "reading the directory");
	*out = upper && work ? CFS_BOOT_STATE_LAYERS
	       : other	     ? CFS_BOOT_STATE_TREE
			     : CFS_BOOT_STATE_EMPTY;
	return 0;
}

/* Finds out how an existing directory for /etc or /var is to be used. */
static int inspect_dir(int place, enum cfs_boot_state *out, struct cfs_err *err)
{
	int fd = openat(place, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		rc = cfs_fail_errno(err, "reading the directory");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	rc = inspect_entries(dir, out, err);
	closedir(dir);
	return rc;
}

int boot_inspect_state(struct boot_run *r, enum cfs_boot_part part,
		       enum cfs_boot_state *out, struct cfs_err *err)
{
	char path[CFS_BOOT_FROM_MAX];
	cfs_autofd int place = -1;

	*out = CFS_BOOT_STATE_ABSENT;
	cfs_boot_format_state_path(r->request->choice, &r->facts.digest, part, path);
	place = cfs_beneath_open_dir_chroot(r->disk, path);
	if (place == -ENOENT)
		return 0;
	if (place < 0)
		return cfs_beneath_fail(place, path, err);
	return cfs_context(err, inspect_dir(place, out, err), "%s", path);
}
