/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The process of the server. */
#include "trigger/start.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fuse/daemon.h"
#include "fuse/mount.h"
#include "mount/namespace.h"
#include "mount/recognize.h"

enum { KEEP_MAX = 16 };

/* A process keeps its mount namespace alive, with every mount in it, and the server lives as long as its
 * filesystem is part of a mount. In the namespace of its user, each would keep the other. */
static int serve_apart(void *ctx, int dev, int (*ready)(void *ctx), void *ready_ctx,
		       struct cfs_err *err)
{
	const struct cfs_trigger *t = ctx;
	int rc = cfs_namespace_enter(err);

	if (rc == 0)
		rc = cfs_trigger_serve(t, dev, ready, ready_ctx, err);
	if (t->state_name)
		(void)unlinkat(t->state_dir_fd, t->state_name, 0);
	return rc;
}

static int start_trigger_server(const struct cfs_trigger *t, int dev, const int *keep,
				size_t n_keep, struct cfs_err *err)
{
	struct cfs_trigger copy = *t;
	int fds[KEEP_MAX + 3] = {t->objects_fd, t->state_fd, t->state_dir_fd};
	struct cfs_fuse_service s = {
		.serve = serve_apart, .ctx = &copy, .fds = fds, .n_fds = n_keep + 3};

	if (n_keep > KEEP_MAX)
		return cfs_fail(err, E2BIG, "expected at most %d descriptors", KEEP_MAX);
	if (n_keep)
		memcpy(fds + 3, keep, n_keep * sizeof(*keep));
	return cfs_fuse_start_service(&s, dev, err);
}

static int open_trigger_layer(int mount, const char *name, struct cfs_err *err)
{
	int fd = openat(mount, name, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? cfs_fail_errno(err, "the FUSE server: %s", name) : fd;
}

void cfs_trigger_layers_close(struct cfs_trigger_layers *layers)
{
	const int fds[] = {layers->find, layers->last, layers->mount};

	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	*layers = (struct cfs_trigger_layers){-1, -1, -1};
}

int cfs_trigger_start(const struct cfs_trigger *t, const int *keep, size_t n_keep,
		      struct cfs_trigger_layers *out, struct cfs_err *err)
{
	const struct cfs_fuse_mount_opts how = {.source = "composefs-objects"};
	int dev_fd = -1, mount_fd = cfs_fuse_mount_detached(&how, &dev_fd, err);
	cfs_autofd int mount = mount_fd, dev = dev_fd;
	int rc;

	*out = (struct cfs_trigger_layers){-1, -1, -1};
	if (mount < 0)
		return mount;
	rc = start_trigger_server(t, dev, keep, n_keep, err);
	close(cfs_steal_fd(&dev));
	if (rc < 0)
		return rc;
	out->find = open_trigger_layer(
		mount, t->verify ? CFS_MOUNT_VERIFY_DIR : CFS_MOUNT_FETCH_DIR, err);
	if (out->find >= 0)
		out->last = open_trigger_layer(mount, CFS_MOUNT_LAST_DIR, err);
	if (out->find >= 0 && out->last >= 0) {
		out->mount = cfs_steal_fd(&mount);
		return 0;
	}
	rc = out->find < 0 ? out->find : out->last;
	cfs_trigger_layers_close(out);
	return rc;
}
