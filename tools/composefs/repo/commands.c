/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands that work on repositories. */
#include "composefs/repo/commands.h"

#include <stddef.h>

const struct command repo_commands[] = {
	COMMAND_GROUP("Fill a repository:"),
	{"init", cmd_init, "Make a repository"},
	{"create-image", cmd_create_image,
	 "Put a directory into the repository, as an image"},
	{"build", cmd_create_image, NULL},
	{"import-image", cmd_import_image, "Put an image file into the repository"},
	{"images", cmd_images, "List the images of the repository, and their names"},
	{"list-images", cmd_images, NULL},
	{"tag", cmd_tag, "Give an image a name"},
	{"untag", cmd_untag, "Take names away"},
	COMMAND_GROUP("Use its images:"),
	{"mount", cmd_mount, "Mount an image"},
	{"umount", cmd_umount, "Unmount an image"},
	{"cat", cmd_cat, "Write a stream, or a file of an image, to standard output"},
	{"dump-files", cmd_dump_files, "Print entries of an image as a dump"},
	{"image-objects", cmd_image_objects, "List the objects that an image needs"},
	COMMAND_GROUP("Keep it in order:"),
	{"du", cmd_du, "Say what images occupy, share, and would free"},
	{"gc", cmd_gc, "Remove what no name reaches and nobody uses"},
	{"fsck", cmd_repo_fsck,
	 "Check a repository, or an image and the objects that it needs"},
	{"repair", cmd_repair, "Check a repository, and mend it"},
	{"transaction", cmd_transaction, "Hold the lock against gc"},
	COMMAND_GROUP("Ask beforehand:"),
	{"doctor", cmd_doctor, "Say what this kernel and file system can do for images"},
	{"compute-id", cmd_compute_id, "Say what id create-image would print"},
	{"compute-karg", cmd_compute_karg,
	 "Say by what kernel argument the image would boot"},
	{"create-dumpfile", cmd_create_dumpfile,
	 "Print the tree of a directory as a dump"},
	{0},
};
