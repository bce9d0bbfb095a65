/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs mount --method: how an image is mounted. */
#include "fuse/image.h"
#include "cli/verbosity.h"
#include "composefs/mount/mount.h"

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

int mount_by_method(enum cfs_method wanted, int fd, const char *at,
		    const struct cfs_mount_opts *opts, struct cfs_err *err)
{
	struct cfs_mount_taken taken = {0};
	struct cfs_method_choice choice;
	struct cfs_method_facts facts;
	int rc;

	cfs_method_probe(&facts);
	rc = cfs_method_choose(wanted, &facts, opts->upperdir && !opts->readonly, &choice,
			       err);
	if (rc < 0)
		return rc;
	cli_print_detail(NAME, "method %s: %s", cfs_method_name(choice.method),
			 choice.why);
	rc = cfs_fuse_mount_image(fd, at, opts, &choice, &taken, err);
	if (rc == 0) {
		print_taken(&taken);
		cfs_mount_record_prune();
		cfs_mount_record_write(at, opts, &taken);
	}
	return rc;
}
