/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands that work on repositories. */
#include "repo_commands.h"

#include <stddef.h>

const struct command repo_commands[] = {
	{"cat", cmd_cat, "Write a stream, or a file of an image, to standard output"},
	{"compute-id", cmd_compute_id, "Say what id create-image would print"},
	{"compute-karg", cmd_compute_karg,
	 "Say by what kernel argument the image would boot"},
	{"create-dumpfile", cmd_create_dumpfile,
	 "Print the tree of a directory as a dump"},
	{"create-image", cmd_create_image,
	 "Put a directory into the repository, as an image"},
	{"build", cmd_create_image, NULL},
	{"doctor", cmd_doctor, "Say what this kernel and file system can do for images"},
	{"du", cmd_du, "Say what images occupy, share, and would free"},
	{"dump-files", cmd_dump_files, "Print entries of an image as a dump"},
	{"fsck", cmd_repo_fsck,
	 "Check a repository, or an image and the objects that it needs"},
	{"gc", cmd_gc, "Remove what no name reaches and nobody uses"},
	{"image-objects", cmd_image_objects, "List the objects that an image needs"},
	{"images", cmd_images, "List the images of the repository, and their names"},
	{"import-image", cmd_import_image, "Put an image file into the repository"},
	{"init", cmd_init, "Make a repository"},
	{"mount", cmd_mount, "Mount an image"},
	{"repair", cmd_repair, "Check a repository, and mend it"},
	{"tag", cmd_tag, "Give an image a name"},
	{"transaction", cmd_transaction, "Hold the lock against gc"},
	{"umount", cmd_umount, "Unmount an image"},
	{"untag", cmd_untag, "Take names away"},
	{0},
};
