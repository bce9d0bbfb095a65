/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs oci VERB: the table of verbs. */
#include "composefs/oci/oci.h"
#include "composefs/verbs.h"

static const struct command verbs[] = {
	{"pull", cmd_oci_pull, "Store a container image and make an image of it"},
	{"push", cmd_oci_push, "Send a container image to a registry or a layout"},
	{"export", cmd_oci_export, "Write a container image as an archive or a layout"},
	{"images", cmd_oci_images, "List container images"},
	{"inspect", cmd_oci_inspect, "Print manifest and configuration"},
	{"tag", cmd_oci_tag, "Add a tag to a container image"},
	{"rm", cmd_oci_rm, "Remove tags"},
	{"untag", cmd_oci_rm, NULL},
	{"mount", cmd_oci_mount, "Mount a container image"},
	{"store-view", cmd_oci_store_view, "Write an image store for podman"},
	{"bundle", cmd_oci_bundle, "Write a bundle for crun or runc"},
	{"compute-id", cmd_oci_compute_id, "Compute the image ID of a container image"},
	{"dump", cmd_oci_dump, "Print the files of a container image as a dump"},
	{"layer", cmd_oci_layer, "Write a layer as a tar archive"},
	{"import-layer", cmd_oci_import_layer, "Store a layer from a tar archive"},
	{"copy", cmd_oci_copy, "Copy a container image from another repository"},
	{"seal", cmd_oci_seal, "Sign a container image"},
	{"verify", cmd_oci_verify, "Verify that a container image is signed"},
	{"fsck", cmd_oci_fsck, "Check container images"},
	{0},
};

static const struct foreign_verb foreign[] = {
	{"list", "oci images"},
	{"ls", "oci images"},
	{"rmi", "oci rm"},
	{"show", "oci inspect"},
	{"umount", "umount"},
	{"unmount", "umount"},
	{"run", "oci bundle"},
	{"create", "oci bundle"},
	{"load", "oci pull"},
	{"save", "oci export"},
	{"unpack", "oci bundle"},
	{"history", "oci inspect --config"},
	{"cat", "cat"},
	{"diff", "diff"},
	{"gc", "gc"},
	{"prune", "gc"},
	{"scrub", "scrub"},
	{0},
};

static const struct verb_family family = {
	.verbs = verbs,
	.foreign = foreign,
	.about = "Store, mount and inspect container images.",
	.complete_kind = oci_complete_kind,
	.example = (const char *const[]){"composefs oci pull oci:layout:latest app",
					 "composefs oci mount app /mnt", NULL},
};

static int cmd_oci(int argc, char **argv)
{
	return verbs_run(&family, argc, argv);
}

const struct command oci_commands[] = {
	COMMAND_GROUP("Container images:"),
	{"oci", cmd_oci, "Store, mount and inspect container images", true},
	{0},
};
