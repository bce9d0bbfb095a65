/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Ways that need every layer attached to a path, in a private mount namespace. */
#include "mount/run.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "mount/namespace.h"
#include "mount/sys_mount.h"

struct apart {
	struct mount_run *r;
	const struct cfs_ways *ways;
	const char **taken;
	int *copies; /* of the object directories: detached mounts */
	struct cfs_err *err;
	int rc;
};

/* Overlayfs before Linux 6.15 refuses a layer on a mount of another namespace. A copy of
 * the mount, made by the descriptor, can be attached in the new namespace without its
 * path being looked up again. Overlayfs does not show mounts below a layer, so the copy
 * is without them, too. */
static int copy_objdirs(struct apart *a)
{
	for (size_t i = 0; i < a->r->n_objdirs; i++) {
		a->copies[i] =
			open_tree(a->r->objdir_fds[i], "",
				  OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH);
		if (a->copies[i] < 0)
			return cfs_fail_errno(a->err, "object directory %s: open_tree",
					      a->r->objdirs[i]);
	}
	return 0;
}

/* A copy is in the peer group of its original: what is mounted over it would appear over
 * the original, too. */
static int attach_layer(int layer, const char *name, struct cfs_err *err)
{
	if (move_mount(layer, "", AT_FDCWD, MOUNT_PLACE,
		       MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return cfs_fail_errno(err, "attaching %s to %s", name, MOUNT_PLACE);
	if (mount(NULL, MOUNT_PLACE, NULL, MS_PRIVATE, NULL) < 0)
		return cfs_fail_errno(err, "making %s private", MOUNT_PLACE);
	return 0;
}

static int attach_layers(const struct apart *a)
{
	int rc = attach_layer(a->r->image_mount, "the image", a->err);

	for (size_t i = 0; rc == 0 && i < a->r->n_objdirs; i++)
		rc = attach_layer(a->copies[i], a->r->objdirs[i], a->err);
	return rc;
}

/* The work of the thread: enters a namespace of its own, attaches the layers there,
 * and mounts the overlay above them. */
static int run_apart(struct apart *a)
{
	struct mount_run *r = a->r;
	const int *objdir_fds = r->objdir_fds;
	bool move_on;
	int rc = copy_objdirs(a);

	if (rc == 0)
		rc = cfs_namespace_enter(a->err);
	if (rc == 0)
		rc = attach_layers(a);
	if (rc < 0)
		return rc;
	r->objdir_fds = a->copies;
	rc = mount_run_ways(r, a->ways, a->taken, &move_on, a->err);
	r->objdir_fds = objdir_fds;
	return rc;
}

static void *apart_thread(void *arg)
{
	struct apart *a = arg;

	a->rc = run_apart(a);
	return NULL;
}

/* On Linux each thread may have a mount namespace of its own. This one ends with the
 * thread, also when the process is killed, and every mount that is attached in it ends
 * with it. */
static int run_thread(struct apart *a)
{
	pthread_t thread;

	errno = pthread_create(&thread, NULL, apart_thread, a);
	if (errno)
		return cfs_fail_errno(a->err, "thread");
	pthread_join(thread, NULL);
	return a->rc;
}

int mount_run_ways_apart(struct mount_run *r, const struct cfs_ways *ways,
			 const char **taken, struct cfs_err *err)
{
	struct apart a = {.r = r, .ways = ways, .taken = taken, .err = err};
	int rc;

	if (access(MOUNT_PLACE, F_OK) < 0)
		return cfs_fail_errno(
			err, "overlay: this kernel (Linux before 6.15) takes layers by "
			     "path alone, and that needs /proc mounted: " MOUNT_PLACE);
	a.copies = malloc((r->n_objdirs + 1) * sizeof(*a.copies));
	if (!a.copies)
		return cfs_fail(err, ENOMEM, "out of memory");
	for (size_t i = 0; i < r->n_objdirs; i++)
		a.copies[i] = -1;
	rc = run_thread(&a);
	for (size_t i = 0; i < r->n_objdirs; i++) {
		if (a.copies[i] >= 0)
			close(a.copies[i]);
	}
	free(a.copies);
	return rc;
}
