/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs umount: unmounts images, and nothing else that is mounted. */
#include <errno.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#include "cli/json.h"
#include "composefs/composefs.h"
#include "composefs/mount/mountpoint.h"
#include "fuse/fuse.h"
#include "mount/mount.h"

struct options {
	bool lazy, json;
};

static const struct cli_option option_table[] = {
	{"lazy", NULL, CLI_AT(struct options, lazy),
	 "Detach now and unmount when nothing uses it any more", .letter = 'l',
	 .group = "Options"},
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] MOUNTPOINT...", NULL},
	.about = "Unmount images.",
	.example = (const char *const[]){"composefs umount /mnt", NULL},
	.options = option_table,
	.complete_operand = mountpoint_complete,
};

/* Refuses what is no image, and a path inside one. When that is not known, the type of
 * the filesystem decides. */
static int check_image_argument(const char *at, struct cfs_err *err)
{
	struct mountpoint m = {0};
	struct statfs fs;
	int rc = mountpoint_find(at, &m, err);

	if (rc == 0 && m.is_image && !m.is_root)
		rc = cfs_fail(err, EINVAL,
			      "%s: expected a mount point, got a path inside the "
			      "image that is mounted at %s",
			      at, m.image.place);
	else if (rc == 0 && m.is_known && !m.is_image)
		rc = cfs_fail(err, EINVAL, "%s: no image is mounted there", at);
	else if (rc == 0 && !m.is_known && statfs(at, &fs) < 0)
		rc = cfs_fail_errno(err, "%s", at);
	else if (rc == 0 && !m.is_known && fs.f_type != OVERLAYFS_SUPER_MAGIC &&
		 fs.f_type != EROFS_SUPER_MAGIC_V1 && fs.f_type != FUSE_SUPER_MAGIC)
		rc = cfs_fail(err, EINVAL, "%s: no image is mounted there", at);
	mountpoint_fini(&m);
	return rc;
}

static int unmount_image(const struct options *o, const char *at, struct cfs_err *err)
{
	uint64_t id;
	int rc = check_image_argument(at, err);

	if (rc < 0)
		return rc == -ENOENT ? cli_add_advice(rc, err,
						      "\"composefs status\" lists the "
						      "mount points")
				     : rc;
	id = cfs_mount_record_id(at);
	rc = cfs_fuse_unmount(at, o->lazy ? MNT_DETACH : 0, err);
	if (rc == 0)
		cfs_mount_record_remove(id);
	if (rc == -EBUSY)
		return cli_add_advice(rc, err, "it is in use; --lazy unmounts it later");
	return rc == -EIO && !o->lazy /* of fusermount3, which said why */
		       ? cli_add_advice(rc, err,
					"if it is in use, --lazy unmounts it later")
		       : rc;
}

int cmd_umount(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 1, argc,
				   "expected MOUNTPOINT..."),
	    rc = 0;
	struct json j = {.to = stdout};
	struct cfs_err err;

	if (status >= 0)
		return status;
	for (int i = optind; rc == 0 && i < argc; i++)
		rc = unmount_image(&o, argv[i], &err);
	if (rc == 0 && o.json) {
		json_begin_object(&j, NULL);
		json_put_int(&j, "unmounted", argc - optind);
		json_finish(&j);
	}
	return command_end(argv[0], rc, &err);
}
