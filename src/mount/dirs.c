/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Object directories, opened once. */
#include "mount/steps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int cfs_mount_dirs_open(struct cfs_mount_dirs *out, struct cfs_mount_opts *o,
			struct cfs_err *err)
{
	*out = (struct cfs_mount_dirs){0};
	if (o->objdir_fds)
		return 0;
	out->fds = malloc((o->n_objdirs + 1) * sizeof(*out->fds));
	if (!out->fds)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (; out->n < o->n_objdirs; out->n++) {
		int fd = open(o->objdirs[out->n], O_PATH | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0) {
			int rc = cfs_fail_errno(err, "object directory %s",
						o->objdirs[out->n]);

			cfs_mount_dirs_close(out);
			return rc;
		}
		out->fds[out->n] = fd;
	}
	o->objdir_fds = out->fds;
	return 0;
}

void cfs_mount_dirs_close(struct cfs_mount_dirs *dirs)
{
	for (size_t i = 0; i < dirs->n; i++)
		close(dirs->fds[i]);
	free(dirs->fds);
	*dirs = (struct cfs_mount_dirs){0};
}
