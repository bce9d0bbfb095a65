/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Tries the ways of a mount in order. */
#include "mount/run.h"

#include <errno.h>
#include <unistd.h>

void mount_drop_fd(int *fd)
{
	int old = cfs_steal_fd(fd);

	if (old >= 0)
		close(old);
}

static bool allows_next_way(const struct cfs_step *step, int errnum)
{
	for (size_t i = 0; i < sizeof(step->move_on) / sizeof(step->move_on[0]); i++) {
		if (step->move_on[i] == errnum)
			return true;
	}
	return false;
}

/* Performs the steps of one way to mount. *move_on: it failed because this kernel
 * cannot do it, so that the next way is worth a try. */
static int run_way(struct mount_run *r, const struct cfs_way *way, bool *move_on,
		   struct cfs_err *err)
{
	*move_on = false;
	for (size_t i = 0; i < way->n_steps; i++) {
		const struct cfs_step *step = &way->steps[i];
		int rc = mount_perform(r, step, err);

		if (rc < 0 && !step->optional) {
			*move_on = allows_next_way(step, -rc);
			if (rc == -EINVAL && step->hint)
				return cfs_context(err, rc, "%s", step->hint);
			return rc;
		}
	}
	return 0;
}

int mount_run_ways(struct mount_run *r, const struct cfs_ways *ways, const char **taken,
		   bool *move_on, struct cfs_err *err)
{
	int rc = 0;

	*move_on = true;
	for (size_t i = 0; i < ways->n && *move_on; i++) {
		rc = run_way(r, &ways->way[i], move_on, err);
		*taken = ways->way[i].name;
		mount_drop_fd(&r->context);
		if (rc < 0)
			mount_drop_fd(&r->mount);
	}
	return rc;
}
