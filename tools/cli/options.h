/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* options: a table of typed rows describes the options of a command; the parser and
 * --help use it.
 * Owns:  long options (GNU getopt: any order, abbreviations, "--"), --help, messages
 *        about wrong usage.
 * Uses:  base, cli.
 * Never: knows a command.
 */
#ifndef CFS_OPTIONS_H
#define CFS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/base.h"

/* The type of a value, and of the member that receives it. */
enum cli_kind {
	CLI_FLAG = 0, /* no value: bool, set to true */
	CLI_TEXT,     /* const char *, borrowed from argv */
	CLI_NUMBER,   /* decimal number from min to max: any integer */
	CLI_SIZE,     /* bytes, such as 10M: any integer */
	CLI_TIME,     /* seconds, such as 30s, 1h or 30d: any integer */
	CLI_CHOICE,   /* one of choices: any integer or enum */
	CLI_LIST,     /* struct cli_list; the option may be repeated */
	CLI_PARSED,   /* any type; parse() sets it */
};

/* A word of CLI_CHOICE. A row without a name ends the table. If several words have the
 * same value, messages use the first. */
struct cli_choice {
	const char *name;
	int value;
};

/* Returns true if c is the first word with its value. */
static inline bool cli_choice_is_first(const struct cli_choice *all,
				       const struct cli_choice *c)
{
	while (all->value != c->value)
		all++;
	return all == c;
}

/* "sha256" and "sha512". */
extern const struct cli_choice cli_digest_algs[];
/* The same and "fsverity-sha256-12", "fsverity-sha512-12", the names in the meta.json of
 * a repository. */
extern const struct cli_choice cli_repo_algs[];

/* The values of a repeated option, borrowed from argv. Starts zeroed; free with
 * cli_list_fini. */
struct cli_list {
	const char **v;
	size_t n, cap;
};

/* Frees the list, not its values, which are arguments of the program. It is then
 * empty. */
void cli_list_fini(struct cli_list *list);

/* A row of the table, for example:
 *     {"grace", "TIME", CLI_AT(struct options, grace), .kind = CLI_TIME, .max = INT_MAX,
 *     .help = "..."} */
struct cli_option {
	const char *name;
	const char *arg; /* name of the value in --help; NULL for a flag */
	size_t at,
		size; /* position of the member in the struct of the command: CLI_AT() */
	const char *help; /* one line; NULL: accepted, but not shown in --help */
	enum cli_kind kind;
	char letter;	   /* short form; 0: none */
	const char *group; /* heading in --help before this row; NULL: none */
	/* For CLI_NUMBER, CLI_SIZE and CLI_TIME. max 0: the largest value of the
	 * member. */
	long long min, max;
	const struct cli_choice *choices;
	/* For CLI_PARSED: stores the value at out, the member. Its message does not
	 * contain the name of the option. */
	int (*parse)(const char *value, void *out, struct cfs_err *err);
	/* For CLI_PARSED and CLI_LIST: returns word i for shell completion, NULL after the
	 * last. May be NULL. */
	const char *(*word)(size_t i);
	size_t given; /* CLI_GIVEN(): a bool that is set if the option is given; 0: none */
	const char *one_of; /* names of the options of which only one may be given, in
			     * the rows of each; NULL: none */
	/* For programs that existing scripts call: the message is "PROGRAM: INVALID
	 * VALUE". */
	const char *invalid;
};

#define CLI_AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)
/* Offset by one, because 0 means none. */
#define CLI_GIVEN(type, member) .given = offsetof(type, member) + 1

/* A command line, as --help describes it. The program name is printed before each usage
 * line. */
struct cli_completion;

struct cli_syntax {
	const char *const *usage;	  /* lines, ended by NULL */
	const char *about;		  /* lines */
	const char *status;		  /* lines; NULL: 0, 1 and 2 as in cli.h */
	const char *const *example;	  /* command lines, ended by NULL */
	const struct cli_option *options; /* ended by a row of zeros */
	bool is_program;		  /* it also has --version */
	/* Prints the candidates for an operand, where its name in usage does not say what
	 * they are; NULL: the name does. */
	void (*complete_operand)(struct cli_completion *c);
};

/* Prints the text of --help for the command name. */
void cli_print_usage(FILE *to, const struct cli_syntax *s, const char *name);

/* Parses all options into opts. optind is then the first operand. Returns a negative
 * number to continue, or the exit status; all messages have been printed and all lists
 * are empty then. */
int cli_parse(const struct cli_syntax *s, const char *name, int argc, char **argv,
	      void *opts);

#endif
