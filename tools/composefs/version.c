/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs version: print the version. */
#include <stdio.h>

#include "composefs/composefs.h"
#include "erofs/erofs.h"

struct options {
	bool json;
};

static const struct cli_option option_table[] = {
	{"json", NULL, CLI_AT(struct options, json), "Print one JSON object",
	 .group = "Options"},
	{0},
};

static const struct cli_syntax syntax = {
	.usage = (const char *const[]){"[OPTIONS]", NULL},
	.about = "Print the version of the program, and with --json the supported image "
		 "formats.",
	.example = (const char *const[]){"composefs version --json", NULL},
	.options = option_table,
};

int cmd_version(int argc, char **argv)
{
	struct options o = {0};
	int status = command_begin(&syntax, argc, argv, &o, 0, 0, "expected no operand");

	if (status >= 0)
		return status;
	if (o.json)
		printf("{\"version\":\"%s\",\"image_formats\":{\"written\":[0,%d],"
		       "\"read\":[0,2]},"
		       "\"repositories\":%s}\n",
		       VERSION, CFS_IMAGE_VERSION_MAX,
		       repo_commands[0].name ? "true" : "false");
	else
		printf("composefs %s\n", VERSION);
	return CLI_OK;
}
