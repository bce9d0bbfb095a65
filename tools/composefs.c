/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs: the main tool. */
#include "composefs.h"

#include <string.h>

static const struct command {
	const char *name;
	command_main run;
	const char *help;
} commands[] = {
	{"fsck", cmd_fsck, "Check an image, and the objects that it needs"},
	{"ls", cmd_ls, "List what an image has at a path"},
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static void usage(FILE *to)
{
	fprintf(to, "Usage: composefs COMMAND [OPTIONS] ...\n\nCommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(to, "  %-10s%s\n", commands[i].name, commands[i].help);
	fprintf(to, "\n\"composefs COMMAND --help\" explains one.\n");
}

int main(int argc, char **argv)
{
	char name[64];

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		usage(stdout);
		return CLI_OK;
	}
	for (size_t i = 0; argc > 1 && i < N_COMMANDS; i++) {
		if (strcmp(argv[1], commands[i].name) != 0)
			continue;
		snprintf(name, sizeof(name), "composefs %s", commands[i].name);
		argv[1] = name;
		return commands[i].run(argc - 1, argv + 1);
	}
	if (argc > 1)
		cli_say("composefs", "%s: no such command", argv[1]);
	usage(stderr);
	return CLI_USAGE;
}
