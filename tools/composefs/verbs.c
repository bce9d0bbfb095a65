/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* composefs COMMAND VERB: finds the verb and runs it. */
#include "composefs/verbs.h"

#include <stdio.h>
#include <string.h>

#include "cli/suggest.h"

static const struct command *find_verb(const struct verb_family *family, const char *name)
{
	for (const struct command *c = family->verbs; c->name; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}

static const char *const usage[] = {"VERB [OPTIONS] ...", NULL};
static const struct cli_option no_options[] = {{0}};

static void print_family_usage(const struct verb_family *family, const char *name)
{
	struct cli_syntax s = {
		.usage = usage, .example = family->example, .options = no_options};
	char about[2048];
	size_t len =
		(size_t)snprintf(about, sizeof(about),
				 "%s \"%s VERB --help\" prints more about a verb.\n\n"
				 "Verbs:\n",
				 family->about, name);

	for (const struct command *c = family->verbs; c->name && len < sizeof(about); c++)
		if (c->help)
			len += (size_t)snprintf(about + len, sizeof(about) - len,
						"  %-17s %s\n", c->name, c->help);
	s.about = about;
	cli_print_usage(stdout, &s, name);
}

static void report_unknown_verb(const struct verb_family *family, const char *name,
				const char *verb)
{
	const struct foreign_verb *f = family->foreign;
	struct suggest near = {.word = verb};

	while (f && f->name && strcmp(f->name, verb) != 0)
		f++;
	for (const struct command *c = family->verbs; c->name; c++)
		suggest_add_name(&near, c->name);
	if (f && f->name)
		cli_fail_usage(name, "%s: unknown verb; use \"composefs %s\"", verb,
			       f->use);
	else if (near.best)
		cli_fail_usage(name, "%s: unknown verb; did you mean \"%s %s\"?", verb,
			       name, near.best);
	else
		cli_fail_usage(name, "%s: unknown verb", verb);
}

static int run_verb(const struct command *c, int argc, char **argv)
{
	char name[64];

	snprintf(name, sizeof(name), "%s %s", argv[0], c->name);
	command_set_name(name);
	argv[1] = name;
	return c->run(argc - 1, argv + 1);
}

/* "composefs FAMILY help VERB" is "composefs FAMILY VERB --help". */
static int run_help_of_verb(const struct verb_family *family, char **argv)
{
	const struct command *c = find_verb(family, argv[2]);
	char help[] = "--help";

	if (!c) {
		report_unknown_verb(family, argv[0], argv[2]);
		return CLI_USAGE;
	}
	argv[2] = help;
	return run_verb(c, 3, argv);
}

/* --- completion --------------------------------------------------------------------- */

/* A callback of completion has no context. */
static const struct verb_family *completed;
static void (*complete_other)(struct cli_completion *c, const char *kind);

static void complete_family_kind(struct cli_completion *completion, const char *kind)
{
	if (strcmp(kind, "VERB") != 0) {
		complete_other(completion, kind);
		return;
	}
	for (const struct command *c = completed->verbs; c->name; c++)
		if (c->help)
			cli_complete_put(completion, c->name, c->help);
}

/* Answers "--complete WORD...": by the table of the verb if one precedes the last word. */
static int complete_family_line(const struct verb_family *family, int argc, char **argv)
{
	const struct cli_syntax s = {.usage = usage, .options = no_options};
	const struct command *c = argc > 3 ? find_verb(family, argv[2]) : NULL;

	if (c) {
		if (family->complete_kind)
			cli_complete_kind = family->complete_kind;
		memmove(argv + 2, argv + 3, (size_t)(argc - 2) * sizeof(*argv));
		return c->run(argc - 1, argv);
	}
	completed = family;
	complete_other = cli_complete_kind;
	cli_complete_kind = complete_family_kind;
	return cli_complete(&s, argc, argv);
}

int verbs_run(const struct verb_family *family, int argc, char **argv)
{
	const struct command *c = argc > 1 ? find_verb(family, argv[1]) : NULL;

	if (cli_is_completion(argc, argv))
		return complete_family_line(family, argc, argv);
	if (c)
		return run_verb(c, argc, argv);
	if (argc == 3 && strcmp(argv[1], "help") == 0)
		return run_help_of_verb(family, argv);
	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
			 strcmp(argv[1], "help") == 0)) {
		print_family_usage(family, argv[0]);
		return CLI_OK;
	}
	if (argc > 1)
		report_unknown_verb(family, argv[0], argv[1]);
	else
		cli_fail_usage(argv[0], "expected a verb");
	return CLI_USAGE;
}
