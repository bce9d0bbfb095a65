/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Mounts an image with a server. */
#include "fuse/image.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "erofs/erofs.h"
#include "fuse/fuse.h"

/* What the server works with. The server is a copy of this process, so it keeps the memory. */
struct served {
	struct cfs_map map;
	struct cfs_image im;
	struct cfs_fuse_fs fs;
};

static int open_served_fs(struct served *s, int fd, struct cfs_err *err)
{
	int rc = cfs_image_map(fd, cfs_map_copy, &s->map, err);

	s->fs.im = &s->im;
	return rc < 0 ? rc : cfs_image_open(s->map.span, &s->im, err);
}

/* --- below an overlay ------------------------------------------------------------------- */

/* Makes the layer, which is detached, and starts its server. */
static int mount_layer(const struct cfs_fuse_fs *fs, int fd,
		       const struct cfs_mount_opts *o, struct cfs_err *err)
{
	const struct cfs_fuse_mount_opts how = {.source = o->source};
	const struct cfs_fuse_daemon_opts daemon = {.image_fd = fd};
	cfs_autofd int dev = -1;
	cfs_autofd int mount = cfs_fuse_mount_detached(&how, &dev, err);
	int rc;

	if (mount < 0)
		return mount;
	rc = cfs_fuse_start(fs, dev, &daemon, err);
	return rc < 0 ? rc : cfs_steal_fd(&mount);
}

/* The FUSE layer has names and metadata only; overlayfs above it reads the objects, so
 * contents do not pass through this program. */
static int mount_overlay(struct served *s, int fd, const char *mountpoint,
			 const struct cfs_mount_opts *o, bool userxattr,
			 struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_mount_layer layer = {.userxattr = userxattr};
	struct cfs_mount_opts over = *o;
	cfs_autofd int mount = -1;
	int rc;

	s->fs.view = userxattr ? CFS_FUSE_USER_LAYER : CFS_FUSE_LAYER;
	mount = mount_layer(&s->fs, fd, o, err);
	if (mount < 0)
		return mount;
	layer.fd = mount;
	over.layer = &layer;
	rc = cfs_mount_fd(fd, mountpoint, &over, taken, err);
	if (rc == 0 && taken)
		taken->image = cfs_method_get_name(CFS_METHOD_OVERLAY_FUSE);
	return rc;
}

/* --- with contents ---------------------------------------------------------------------- */

/* Returns the descriptor to serve. */
static int attach_files(const struct cfs_mount_opts *o, const char *place, bool by_helper,
			struct cfs_err *err)
{
	const struct cfs_fuse_mount_opts how = {
		.source = o->source, .allow_other = !by_helper, .attr = o->attr};
	cfs_autofd int mount = -1, dev = -1;
	int rc;

	if (by_helper)
		return cfs_fuse_mount_by_helper(&how, place, err);
	mount = cfs_fuse_mount_detached(&how, &dev, err);
	rc = mount < 0 ? mount : cfs_fuse_attach(mount, place, err);
	return rc < 0 ? rc : cfs_steal_fd(&dev);
}

/* Mounts the image by FUSE alone. If the server cannot start, nothing stays mounted. */
static int serve_files(const struct cfs_fuse_fs *fs, int fd, const char *mountpoint,
		       const struct cfs_mount_opts *o, bool by_helper,
		       struct cfs_err *err)
{
	char place[PATH_MAX];
	const struct cfs_fuse_daemon_opts daemon = {.mountpoint = place, .image_fd = fd};
	cfs_autofd int dev = -1;
	int rc;

	if (!realpath(mountpoint, place))
		return cfs_fail_errno(err, "mount point %s", mountpoint);
	dev = attach_files(o, place, by_helper, err);
	if (dev < 0)
		return dev;
	rc = cfs_fuse_start(fs, dev, &daemon, err);
	if (rc < 0)
		(void)!cfs_fuse_unmount(place, MNT_DETACH, NULL);
	return rc;
}

/* Without overlayfs, contents pass through this program, which must then compare them:
 * facts decide whether the objects have fs-verity. */
static int mount_files(struct served *s, int fd, const char *mountpoint,
		       const struct cfs_mount_opts *o, bool by_helper,
		       struct cfs_err *err)
{
	struct cfs_mount_opts opened = *o;
	struct cfs_mount_dirs dirs = {0};
	struct cfs_mount_facts facts;
	int rc = cfs_mount_check(o, err);

	if (rc == 0)
		rc = cfs_mount_inspect(fd, &opened, &dirs, &facts, err);
	if (rc == 0) {
		s->fs.objdir_fds = opened.objdir_fds;
		s->fs.n_objdirs = opened.n_objdirs;
		s->fs.require_verity =
			cfs_mount_requires_verity(o) ||
			(o->verity == CFS_MOUNT_VERITY_TRY && facts.objects_verity);
		rc = serve_files(&s->fs, fd, mountpoint, o, by_helper, err);
	}
	cfs_mount_dirs_close(&dirs);
	return rc;
}

/* The copy of the image that is served, and the objects when they are opened. */
static int verify_served(struct served *s, const struct cfs_fuse_verify *verify,
			 struct cfs_err *err)
{
	char expected[CFS_DIGEST_TEXT_MAX], got[CFS_DIGEST_TEXT_MAX];
	struct cfs_digest found;
	int rc = cfs_verity_digest_mem(verify->image.alg, s->map.span, &found, err);

	if (rc == 0 && !cfs_digest_eq(&verify->image, &found))
		rc = cfs_fail(err, EILSEQ, "image: expected %s, got %s",
			      cfs_digest_text(&verify->image, expected),
			      cfs_digest_text(&found, got));
	s->fs.report_fd = verify->report_fd;
	return rc < 0 ? rc : cfs_fuse_proofs_new(verify, &s->fs.proofs, err);
}

int cfs_fuse_mount_image(int fd, const char *mountpoint, const struct cfs_mount_opts *o,
			 const struct cfs_method_choice *how,
			 const struct cfs_fuse_verify *verify,
			 struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct served s = {0};
	int rc;

	if (verify && how->method != CFS_METHOD_FUSE)
		return cfs_fail(err, EINVAL, "only the method fuse verifies every read");
	if (how->method == CFS_METHOD_KERNEL)
		return cfs_mount_fd(fd, mountpoint, o, taken, err);
	rc = open_served_fs(&s, fd, err);
	if (rc == 0 && verify)
		rc = verify_served(&s, verify, err);
	if (rc == 0 && how->method == CFS_METHOD_OVERLAY_FUSE)
		rc = mount_overlay(&s, fd, mountpoint, o, how->userxattr, taken, err);
	else if (rc == 0)
		rc = mount_files(&s, fd, mountpoint, o, how->by_helper, err);
	if (rc == 0 && taken && how->method == CFS_METHOD_FUSE)
		*taken = (struct cfs_mount_taken){cfs_method_get_name(CFS_METHOD_FUSE),
						  NULL};
	cfs_fuse_proofs_free(s.fs.proofs);
	cfs_map_close(&s.map);
	return rc;
}
