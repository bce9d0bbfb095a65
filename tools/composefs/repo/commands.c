/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands that work on repositories. */
#include "composefs/repo/commands.h"

#include <stddef.h>

const struct command repo_commands[] = {
	COMMAND_GROUP("Create and store images:"),
	{"init", cmd_init, "Create a repository"},
	{"create-image", cmd_create_image,
	 "Store a directory or tar archive as an image"},
	{"build", cmd_create_image, NULL},
	{"import-image", cmd_import_image, "Store an image file"},
	{"copy", cmd_copy, "Copy images from another repository"},
	{"images", cmd_images, "List images and their references"},
	{"list-images", cmd_images, NULL},
	{"inspect", cmd_inspect, "Show the details of images"},
	{"tag", cmd_tag, "Add a reference to an image"},
	{"untag", cmd_untag, "Remove references"},
	{"rm", cmd_rm, "Remove references, and print what gc would free"},
	{"log", cmd_log, "Show the history of a reference"},
	COMMAND_GROUP("Use images:"),
	{"mount", cmd_mount, "Mount an image"},
	{"umount", cmd_umount, "Unmount an image"},
	{"status", cmd_status, "List mounted images"},
	{"cat", cmd_cat, "Print a file of an image, or a stream"},
	{"export", cmd_export, "Write an image as a tar archive"},
	{"extract", cmd_extract, "Copy files of an image to a directory"},
	{"dump-files", cmd_dump_files, "Print entries of an image as a dump"},
	{"image-objects", cmd_image_objects, "List the objects of an image"},
	COMMAND_GROUP("Maintain a repository:"),
	{"du", cmd_du, "Show the disk usage of images"},
	{"gc", cmd_gc, "Remove unreferenced images and objects"},
	{"fsck", cmd_repo_fsck, "Check a repository, or an image and its objects"},
	{"repair", cmd_repair, "Repair a repository"},
	{"transaction", cmd_transaction, "Run a command while holding the lock"},
	COMMAND_GROUP("Compute and probe without storing anything:"),
	{"doctor", cmd_doctor, "Show what this kernel and filesystem support"},
	{"compute-id", cmd_compute_id, "Compute the image ID of a directory"},
	{"compute-karg", cmd_compute_karg,
	 "Compute the kernel argument that boots an image"},
	{"create-dumpfile", cmd_create_dumpfile, "Print a directory as a dump"},
	{0},
};
