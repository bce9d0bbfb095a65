/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Starts and ends a command. */
#include "cli/command.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char command[64];

void command_set_name(const char *name)
{
	snprintf(command, sizeof(command), "%s", name);
}

const char *command_name(const char *otherwise)
{
	return *command ? command : otherwise;
}

int command_begin(const struct cli_syntax *syntax, int argc, char **argv, void *opts,
		  int min, int max, const char *usage)
{
	int status = cli_parse(syntax, argv[0], argc, argv, opts);

	if (status >= 0)
		return status == CLI_OK ? CLI_OK : CLI_USAGE;
	if (argc - optind >= min && argc - optind <= max)
		return -1;
	cli_fail_usage(argv[0], "%s", usage);
	return CLI_USAGE;
}

int command_end(const char *name, int rc, const struct cfs_err *err)
{
	if (rc < 0)
		cli_print_message(name, "%s", err->msg);
	return rc < 0 ? CLI_FAILED : CLI_OK;
}
