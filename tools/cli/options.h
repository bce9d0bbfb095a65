/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* options: the options of a command as a table of typed rows, from which they are parsed and explained.
 * Owns:  long options (GNU getopt: any order, abbreviations, "--"), --help, the messages about wrong usage.
 * Uses:  base, cli.
 * Never: knows a command.
 */
#ifndef CFS_OPTIONS_H
#define CFS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/base.h"

/* What the value of an option is, and the type of the member that gets it. */
enum cli_kind {
	CLI_FLAG = 0, /* no value: bool, set to true */
	CLI_TEXT,     /* const char *, borrowed from argv */
	CLI_NUMBER,   /* decimal number from min to max: any integer */
	CLI_SIZE,     /* bytes, such as 10M: any integer */
	CLI_TIME,     /* seconds, such as 30s, 1h or 30d: any integer */
	CLI_CHOICE,   /* one of choices: any integer or enum */
	CLI_LIST,     /* struct cli_list; the option may be repeated */
	CLI_PARSED,   /* whatever parse() puts there */
};

/* A word of CLI_CHOICE; a row without a name ends the table. Of words with the same value, messages name the first. */
struct cli_choice {
	const char *name;
	int value;
};

/* Is c the first of all words with its value? */
static inline bool cli_choice_is_first(const struct cli_choice *all,
				       const struct cli_choice *c)
{
	while (all->value != c->value)
		all++;
	return all == c;
}

/* "sha256" and "sha512". */
extern const struct cli_choice cli_digest_algs[];
/* And "fsverity-sha256-12" and "fsverity-sha512-12", as the meta.json of a repository names them. */
extern const struct cli_choice cli_repo_algs[];

/* The values of a repeated option, borrowed from argv. Starts zeroed; ends with cli_list_fini. */
struct cli_list {
	const char **v;
	size_t n, cap;
};

void cli_list_fini(struct cli_list *list);

/* A row of a table, such as
 *     {"grace", "TIME", CLI_AT(struct options, grace), .kind = CLI_TIME, .max = INT_MAX, .help = "..."} */
struct cli_option {
	const char *name;
	const char *arg;  /* what --help calls the value; NULL: a flag */
	size_t at, size;  /* of the member in the command's struct: CLI_AT() */
	const char *help; /* one line; NULL: accepted, but not in --help */
	enum cli_kind kind;
	char letter; /* short form; 0: none */
	const char *
		group; /* a heading of --help that begins with this row; NULL: as the row above */
	/* Of CLI_NUMBER, CLI_SIZE and CLI_TIME: max 0 means the largest that the member holds. */
	long long min, max;
	const struct cli_choice *choices;
	/* Of CLI_PARSED: puts the value at out, the member. The message does not name the option. */
	int (*parse)(const char *value, void *out, struct cfs_err *err);
	/* Of CLI_PARSED: the words that the shells offer, then NULL; may be NULL. */
	const char *(*word)(size_t i);
	size_t given; /* CLI_GIVEN(): a bool that is set when the option is given; 0: none */
	/* Of programs that existing scripts know: the message is "PROGRAM: INVALID VALUE". */
	const char *invalid;
};

#define CLI_AT(type, member) offsetof(type, member), sizeof(((type *)0)->member)
/* Behind the member's first byte, as 0 means that there is none. */
#define CLI_GIVEN(type, member) .given = offsetof(type, member) + 1

/* A command line as --help explains it. The name of the program is put in front of each line of
 * usage. */
struct cli_syntax {
	const char *const *usage;	  /* lines, ended by NULL */
	const char *about;		  /* lines */
	const char *status;		  /* lines; NULL: 0, 1 and 2 as in cli.h */
	const char *const *example;	  /* command lines, ended by NULL */
	const struct cli_option *options; /* ended by a row of zeros */
	bool is_program;		  /* it has --version, too */
};

void cli_usage(FILE *to, const struct cli_syntax *s, const char *name);

/* Parses all options into opts; optind is the first operand then. Negative: continue. Otherwise the
 * program ends with that status, all messages are printed, and all lists are empty again. */
int cli_parse(const struct cli_syntax *s, const char *name, int argc, char **argv,
	      void *opts);

#endif
