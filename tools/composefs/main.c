/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs: the main tool. Options may stand in front of the command, too, as cfsctl has them. */
#include "composefs/composefs.h"
#include "composefs/cfsctl.h"
#include "composefs/pages.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct command image_commands[] = {
	COMMAND_GROUP("Look into images, in a repository or not:"),
	{"ls", cmd_ls, "List what an image has at a path"},
	{"diff", cmd_diff, "Compare two trees: images, directories, dumps"},
	{"explain", cmd_explain, "Say in a few words why two trees or images differ"},
	{"fsck", cmd_fsck, "Check an image, and the objects that it needs"},
	{"version", cmd_version, "Print the version"},
	{0},
};

static const struct command *const tables[] = {repo_commands, image_commands,
					       sig_commands, ipe_commands};

enum { N_TABLES = sizeof(tables) / sizeof(tables[0]) };

/* The first of that name: repositories have an fsck that knows image files, too. */
static const struct command *find(const char *name)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct command *c = tables[t]; c->name; c++)
			if (c->run && strcmp(c->name, name) == 0)
				return c;
	return NULL;
}

static void usage(FILE *to, const char *program)
{
	fprintf(to, "Usage: %s COMMAND [OPTIONS] ...\n", program);
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct command *c = tables[t]; c->name; c++)
			if (!c->run)
				fprintf(to, "\n%s\n", c->name);
			else if (c->help && find(c->name) == c)
				fprintf(to, "  %-17s %s\n", c->name, c->help);
	fprintf(to, "\n\"%s COMMAND --help\" explains one.\n", program);
	if (repo_commands->name)
		fprintf(to,
			"\nExample:\n  %s init\n  %s create-image /usr/share/doc docs\n"
			"  %s mount docs /mnt\n",
			program, program, program);
}

static void complain_usage(const char *program)
{
	cfs_autofree char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return;
	usage(to, program);
	if (fclose(to) == 0)
		cli_complain(text);
}

/* Does the value of this option stand in the next argument? */
static bool takes_next(const char *arg)
{
	static const char *const with_value[] = {"--repo", "--hash", "--erofs-version"};

	for (size_t i = 0; i < sizeof(with_value) / sizeof(with_value[0]); i++)
		if (strcmp(arg, with_value[i]) == 0)
			return true;
	return false;
}

/* The index of the command in argv, or argc. */
static int find_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += takes_next(argv[i]) ? 2 : 1;
	return i < argc ? i : argc;
}

/* What stands in front of the command goes behind it: then argv[0] is the command's name. */
static int run(const struct command *c, const char *program, int at, int argc,
	       char **argv)
{
	char name[64], help[] = "--help";

	snprintf(name, sizeof(name), "%s %s", program, c->name);
	memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
	argv[1] = name;
	if (argc > 2 && strcmp(argv[2], "-h") == 0)
		argv[2] = help;
	return c->run(argc - 1, argv + 1);
}

/* Prints what "NAME --help" prints, and the manual page of the command. */
static int explain(const struct command *c, const char *program)
{
	char name[64], help[] = "--help", *argv[] = {name, help, NULL};
	int status;

	snprintf(name, sizeof(name), "%s %s", program, c->name);
	status = c->run(2, argv);
	if (status == CLI_OK)
		print_manual_page(stdout, c->name);
	return status;
}

static bool is_any(const char *arg, const char *a, const char *b)
{
	return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

static int run_any(const char *program, int argc, char **argv)
{
	int at = find_command(argc, argv);
	int status = cli_stands_in() ? cfsctl_begin(program, &at, &argc, argv) : -1;
	const struct command *c = at < argc ? find(argv[at]) : NULL;

	if (status >= 0)
		return status;
	if (c)
		return run(c, program, at, argc, argv);
	if (is_any(argc > 1 ? argv[1] : "", "--version", "-V"))
		return cmd_version(1, argv);
	if (is_any(argc > 1 ? argv[1] : "", "--help", "-h") ||
	    (at == argc - 1 && strcmp(argv[at], "help") == 0)) {
		usage(stdout, program);
		return CLI_OK;
	}
	if (at == argc - 2 && strcmp(argv[at], "help") == 0 && (c = find(argv[at + 1])))
		return explain(c, program);
	if (at < argc)
		cli_say(program, "%s: no such command; \"%s --help\" lists them",
			argv[at], program);
	else
		complain_usage(program);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	const char *program = cli_name(argv[0]);

	if (!cli_begin(program))
		return CLI_FAILED;
	/* Who started us may ignore it, and then no end of a child is told. */
	signal(SIGCHLD, SIG_DFL);
	return cli_end(program, run_any(program, argc, argv));
}
