/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A mount from its options: check, inspect, compute the steps, apply. */
#include "mount/mount_priv.h"

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

int cfs_mount_fd(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
		 struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_mount_opts opened = *o;
	struct cfs_mount_dirs dirs = {0};
	struct cfs_mount_facts facts;
	struct cfs_steps steps;
	int rc = cfs_mount_check(o, err);

	if (rc == 0)
		rc = cfs_mount_inspect(fd, &opened, &dirs, &facts, err);
	if (rc == 0)
		rc = cfs_mount_steps(&opened, &facts, &steps, err);
	if (rc == 0) {
		rc = cfs_mount_apply(&steps, fd, mountpoint, taken, err);
		cfs_steps_fini(&steps);
	}
	cfs_mount_dirs_close(&dirs);
	return rc;
}
