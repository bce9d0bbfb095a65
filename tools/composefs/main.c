/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs: the main tool. Options may precede the command, as in cfsctl. */
#include "composefs/composefs.h"
#include "composefs/cfsctl.h"
#include "composefs/foreign_verbs.h"
#include "cli/repo_option.h"
#include "cli/suggest.h"
#include "composefs/pages.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static const struct command image_commands[] = {
	COMMAND_GROUP("Inspect images:"),
	{"ls", cmd_ls, "List a directory of an image"},
	{"diff", cmd_diff, "Compare two trees: images, directories or dumps"},
	{"explain", cmd_explain, "Explain why two trees or images differ"},
	{"fsck", cmd_fsck, "Check an image and its objects"},
	{0},
};

static const struct command other_commands[] = {
	COMMAND_GROUP("Other:"),
	{"version", cmd_version, "Print the version"},
	{0},
};

static const struct command *const tables[] = {
	repo_commands, oci_commands,  image_commands, sig_commands,
	ipe_commands,  boot_commands, other_commands};

enum { N_TABLES = sizeof(tables) / sizeof(tables[0]) };

/* Finds the first command of that name. fsck of repositories, which also checks image
 * files, precedes that of images. */
static const struct command *find_named_command(const char *name)
{
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct command *c = tables[t]; c->name; c++)
			if (c->run && strcmp(c->name, name) == 0)
				return c;
	return NULL;
}

/* Reports an unknown command, with a hint or the nearest command. */
static int report_unknown_command(const char *program, const char *verb)
{
	struct suggest near = {.word = verb};
	const char *hint = foreign_verb_find_hint(verb);

	if (hint)
		return cli_fail_usage(program, "%s: unknown command; %s", verb, hint);
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct command *c = tables[t]; c->name; c++)
			if (c->run)
				suggest_add_name(&near, c->name);
	if (near.best)
		return cli_fail_usage(program,
				      "%s: unknown command; did you mean \"%s %s\"?",
				      verb, program, near.best);
	return cli_fail_usage(program, "%s: unknown command", verb);
}

/* Options may precede the command. */
struct front {
	struct where where;
};

static const struct cli_option front_options[] = {WHERE_OPTIONS(struct front, where),
						  {0}};

/* Whether an option before the command is one that all commands have. */
static bool is_front_option(const char *arg)
{
	static const char *const common[] = {"-q", "-v", "--quiet", "--verbose"};
	size_t len = strcspn(arg, "=");

	for (size_t i = 0; i < sizeof(common) / sizeof(common[0]); i++)
		if (strcmp(arg, common[i]) == 0)
			return true;
	for (const struct cli_option *o = front_options; o->name; o++)
		if (strlen(o->name) + 2 == len && strncmp(arg + 2, o->name, len - 2) == 0)
			return true;
	return false;
}

/* Prints every command that this build has, under the headings of the tables. A
 * command that a later table repeats appears once. */
static void print_main_usage(FILE *to, const char *program)
{
	fprintf(to, "Usage: %s COMMAND [OPTIONS] ...\n", program);
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct command *c = tables[t]; c->name; c++)
			if (!c->run)
				fprintf(to, "\n%s\n", c->name);
			else if (c->help && find_named_command(c->name) == c)
				fprintf(to, "  %-17s %s\n", c->name, c->help);
	fprintf(to, "\n\"%s COMMAND --help\" prints more about a command.\n", program);
	/* cfsctl takes no repository from the current directory. */
	if (repo_commands->name && !cli_is_cfsctl())
		fputs("\nExample:\n  mkdir images && cd images\n"
		      "  composefs init --insecure\n"
		      "  composefs create-image /usr/share/doc docs\n"
		      "  composefs mount docs /mnt\n"
		      "--insecure creates a repository without fs-verity. Without this "
		      "option,\nthe filesystem must support fs-verity.\n",
		      to);
}

static void report_no_command(const char *program)
{
	cfs_autofree char *text = NULL;
	size_t len;
	FILE *to = open_memstream(&text, &len);

	if (!to)
		return;
	print_main_usage(to, program);
	if (fclose(to) == 0)
		cli_print_error_text(text);
}

/* Returns true if the next argument is the value of this option. */
static bool takes_next(const char *arg)
{
	static const char *const with_value[] = {"--repo", "--hash", "--erofs-version"};

	for (size_t i = 0; i < sizeof(with_value) / sizeof(with_value[0]); i++)
		if (strcmp(arg, with_value[i]) == 0)
			return true;
	return false;
}

/* Returns the index of the command in argv, or argc. */
static int find_argv_command(int argc, char **argv)
{
	int i = 1;

	while (i < argc && argv[i][0] == '-')
		i += takes_next(argv[i]) ? 2 : 1;
	return i < argc ? i : argc;
}

/* Runs a command. Moves the options before the command behind it; argv[0] is then
 * "composefs COMMAND". */
static int run_found_command(const struct command *c, const char *program, int at,
			     int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %s", program, c->name);
	command_set_name(name);
	memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
	argv[1] = name;
	return c->run(argc - 1, argv + 1);
}

static bool is_either_word(const char *arg, const char *a, const char *b)
{
	return strcmp(arg, a) == 0 || strcmp(arg, b) == 0;
}

/* Prints the output of "NAME --help", or of "NAME VERB --help" unless verb is NULL, and the
 * manual page of the command. */
static int print_command_help(const struct command *c, const char *program, char *verb)
{
	char name[64], help[] = "--help",
		       *argv[] = {name, verb ? verb : help, help, NULL};
	int status;

	snprintf(name, sizeof(name), "%s %s", program, c->name);
	argv[verb ? 3 : 2] = NULL;
	status = c->run(verb ? 3 : 2, argv);
	if (status == CLI_OK)
		print_manual_page(stdout, c->name);
	return status;
}

/* Runs "composefs help [COMMAND [VERB]]", given the n words after "help". */
static int run_help(const char *program, int n, char **words)
{
	const struct command *c = n > 0 ? find_named_command(words[0]) : NULL;

	if (n == 0 || is_either_word(words[0], "--help", "-h")) {
		print_main_usage(stdout, program);
		return CLI_OK;
	}
	if (c && n <= (c->has_verbs ? 2 : 1))
		return print_command_help(c, program, n == 2 ? words[1] : NULL);
	if (c)
		cli_fail_usage(program, "help: expected %s, got %d words",
			       c->has_verbs ? "a command and a verb" : "a command", n);
	else
		report_unknown_command(program, words[0]);
	return CLI_USAGE;
}

/* --- completion --------------------------------------------------------------------- */

static void complete_main_kind(struct cli_completion *completion, const char *kind)
{
	if (strcmp(kind, "COMMAND") != 0) {
		repo_complete_kind(completion, kind);
		return;
	}
	for (size_t t = 0; t < N_TABLES; t++)
		for (const struct command *c = tables[t]; c->name; c++)
			if (c->run && c->help && find_named_command(c->name) == c)
				cli_complete_put(completion, c->name, c->help);
	cli_complete_put(completion, "help", "Print the help of a command");
}

static const struct cli_syntax front_syntax = {
	.usage = (const char *const[]){"COMMAND", NULL},
	.options = front_options,
	.is_program = true,
};

/* Removes argv[at]. The NULL at the end moves as well. */
static void remove_word(int *argc, char **argv, int at)
{
	memmove(argv + at, argv + at + 1, (size_t)(*argc - at) * sizeof(*argv));
	--*argc;
}

/* Handles "composefs --complete WORD...", with the table of the command if one precedes
 * the last word. "help" has the words of --help: a command, and a verb. */
static int complete_main_line(int argc, char **argv)
{
	int at = 1 + find_argv_command(argc - 1, argv + 1);
	const bool is_help = at < argc - 1 && strcmp(argv[at], "help") == 0;
	const struct command *c;

	cli_complete_kind = complete_main_kind;
	if (is_help)
		remove_word(&argc, argv, at);
	c = at < argc - 1 ? find_named_command(argv[at]) : NULL;
	if (is_help && at < argc - 1 && (!c || !c->has_verbs || at < argc - 2)) {
		puts(":none");
		return CLI_OK;
	}
	if (!c)
		return cli_complete(&front_syntax, argc, argv);
	remove_word(&argc, argv, at);
	return c->run(argc, argv);
}

/* Finds the command behind the common options and runs it. Returns its exit status. A
 * word that is neither gets one line of help and CLI_USAGE. */
static int run_main(const char *program, int argc, char **argv)
{
	int at = cli_is_completion(argc, argv) ? argc : find_argv_command(argc, argv);
	int status = cli_is_cfsctl() ? cfsctl_begin(program, &at, &argc, argv) : -1;
	const struct command *c = at < argc ? find_named_command(argv[at]) : NULL;

	if (status >= 0)
		return status;
	if (cli_is_completion(argc, argv))
		return complete_main_line(argc, argv);
	if (c)
		return run_found_command(c, program, at, argc, argv);
	if (is_either_word(argc > 1 ? argv[1] : "", "--version", "-V"))
		return cmd_version(1, argv);
	if (is_either_word(argc > 1 ? argv[1] : "", "--help", "-h"))
		return run_help(program, 0, NULL);
	if (at < argc && strcmp(argv[at], "help") == 0)
		return run_help(program, argc - at - 1, argv + at + 1);
	if (at > 1 && !is_front_option(argv[1]))
		cli_fail_usage(program, "%s: unknown option before the command", argv[1]);
	else if (at < argc)
		report_unknown_command(program, argv[at]);
	else if (argc > 1)
		cli_fail_usage(program, "expected a command after %s", argv[argc - 1]);
	else
		report_no_command(program);
	return CLI_USAGE;
}

int main(int argc, char **argv)
{
	const char *program = cli_program_name(argv[0]);
	int status;

	if (!cli_begin(program))
		return CLI_FAILED;
	/* If our parent ignores SIGCHLD, waitpid() would not report the exit of a child. */
	signal(SIGCHLD, SIG_DFL);
	status = run_main(program, argc, argv);
	return cli_end(command_name(program), status);
}
