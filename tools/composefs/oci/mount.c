/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci mount: mount the image of a container image. */
#include <errno.h>

#include "composefs/mount/mount.h"
#include "composefs/oci/oci.h"

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS] IMAGE MOUNTPOINT", NULL},
	.about = "Mount the merged layers of a container image. IMAGE is a tag or "
		 "a digest. See\n"
		 "composefs-mount(8) for the options.",
	.example =
		(const char *const[]){"composefs oci mount --repo=repo app /mnt", NULL},
};

int oci_find_image(const struct cfs_repo *repo, const char *name, struct cfs_digest *out,
		   struct cfs_err *err)
{
	struct cfs_container c;
	int rc = cfs_container_open(repo, name, &c, err);

	if (rc == 0 && !c.manifest.is_image)
		rc = cfs_fail(err, ENOTSUP, "%s: an artifact, of which there is no image",
			      name);
	else if (rc == 0 && !c.has_image)
		rc = cfs_fail(err, ENOENT, "%s: no image was made of it; pull it again",
			      name);
	*out = c.image;
	cfs_container_close(&c);
	return rc;
}

int cmd_oci_mount(int argc, char **argv)
{
	return mount_named(&syntax, oci_find_image, argc, argv);
}
