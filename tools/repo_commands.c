/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The commands that work on repositories. */
#include "repo_commands.h"

#include <stddef.h>

const struct command repo_commands[] = {
	{"create-image", cmd_create_image,
	 "Put a directory into the repository, as an image"},
	{"build", cmd_create_image, NULL},
	{"gc", cmd_gc, "Remove what no name reaches and nobody uses"},
	{"images", cmd_images, "List the images of the repository, and their names"},
	{"init", cmd_init, "Make a repository"},
	{"tag", cmd_tag, "Give an image a name"},
	{"untag", cmd_untag, "Take names away"},
	{0},
};
