/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs mount --method: how an image is mounted. */
#include <errno.h>

#include "fuse/image.h"
#include "cli/verbosity.h"
#include "composefs/mount/mount.h"
#include "composefs/mount/server.h"

#define NAME "composefs mount"

const struct cli_choice mount_methods[] = {
	{"auto", CFS_METHOD_AUTO},
	{"kernel", CFS_METHOD_KERNEL},
	{"overlay-fuse", CFS_METHOD_OVERLAY_FUSE},
	{"fuse", CFS_METHOD_FUSE},
	{0},
};

static void print_taken(const struct cfs_mount_taken *taken)
{
	if (taken->overlay)
		cli_print_detail(NAME, "image by %s, layers by %s", taken->image,
				 taken->overlay);
	else
		cli_print_detail(NAME, "image by %s", taken->image);
}

static int choose_method(const struct mount_options *o, const struct cfs_mount_opts *opts,
			 struct cfs_method_choice *out, struct cfs_err *err)
{
	enum cfs_method wanted = o->method;
	struct cfs_method_facts facts;
	int rc;

	if (o->idmap && wanted != CFS_METHOD_AUTO && wanted != CFS_METHOD_KERNEL)
		return cfs_fail(err, EINVAL, "--idmap needs --method=kernel");
	if (o->verify == MOUNT_VERIFY_EVERY_READ && wanted != CFS_METHOD_AUTO &&
	    wanted != CFS_METHOD_FUSE)
		return cfs_fail(err, EINVAL, "--verify=every-read needs --method=fuse");
	if (o->verify == MOUNT_VERIFY_EVERY_READ)
		wanted = CFS_METHOD_FUSE;
	if (o->idmap)
		wanted = CFS_METHOD_KERNEL;
	cfs_method_probe(&facts);
	rc = cfs_method_choose(wanted, &facts, opts->upperdir && !opts->readonly, out,
			       err);
	/* There the server itself opens the objects, and would be killed. */
	if (rc == 0 && o->kill_readers && out->method == CFS_METHOD_FUSE)
		rc = cfs_fail(err, EINVAL,
			      "--kill-readers is not possible with the method fuse");
	if (rc == 0)
		cli_print_detail(NAME, "method %s: %s", cfs_method_get_name(out->method),
				 out->why);
	return rc;
}

/* The process of the server is a copy of this one, with the log open. */
static int mount_chosen(const struct mount_options *o, int fd,
			const struct cfs_digest *id, const char *at,
			const struct cfs_mount_opts *opts,
			const struct cfs_method_choice *choice,
			struct cfs_mount_taken *taken, struct cfs_err *err)
{
	struct cfs_fuse_verify verify = {
		.image = *id, .name = opts->image_name, .report = server_write_log};
	cfs_autofd int log = -1;

	if (o->verify != MOUNT_VERIFY_EVERY_READ)
		return cfs_fuse_mount_image(fd, at, opts, choice, NULL, taken, err);
	log = server_open_log();
	verify.report_fd = log;
	verify.report_ctx = &verify.report_fd;
	return cfs_fuse_mount_image(fd, at, opts, choice, &verify, taken, err);
}

int mount_by_method(const struct mount_options *o, int fd, const struct cfs_digest *id,
		    const char *at, const struct cfs_mount_opts *opts,
		    struct cfs_err *err)
{
	struct cfs_mount_opts with_map = *opts;
	struct cfs_mount_taken taken = {0};
	struct cfs_method_choice choice;
	cfs_autofd int userns = -1;
	int rc = choose_method(o, opts, &choice, err);

	if (rc == 0 && o->idmap) {
		userns = cfs_idmap_open(o->idmap, err);
		rc = userns < 0 ? userns : 0;
	}
	with_map.idmap = o->idmap;
	with_map.idmap_fd = userns;
	with_map.every_read = o->verify == MOUNT_VERIFY_EVERY_READ;
	if (rc == 0)
		rc = mount_chosen(o, fd, id, at, &with_map, &choice, &taken, err);
	if (rc == 0) {
		print_taken(&taken);
		cfs_mount_record_clean();
		cfs_mount_record_write(at, &with_map, &taken);
	}
	return rc;
}
