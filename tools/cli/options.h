/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* options: the options of a command as a table, from which they are parsed and explained.
 * Owns:  long options (GNU getopt: any order, abbreviations, "--"), --help, what is said of wrong ones.
 * Uses:  base, cli.
 * Never: knows a command.
 */
#ifndef CFS_OPTIONS_H
#define CFS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One option, or without name a heading. A flag sets the bool at offset at of the command's own
 * struct; the argument of an option goes to take, or without take to the const char * at that offset. */
struct cli_option {
	const char *name;
	const char *arg; /* what the argument is called; NULL: a flag */
	size_t at;
	/* False when the value is no good, after having said why. */
	bool (*take)(void *opts, const char *value);
	const char *help; /* a line; NULL with a name: taken, and not told of */
	char letter;	  /* a short form; 0: none */
};

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

/* Says what is wrong, then the usage, both on stderr; returns CLI_FAILED. */
int cli_misused(const struct cli_syntax *s, const char *name, const char *what);

/* Parses all options into opts; optind is the first operand then. Negative: go on; else the
 * program ends with that status, everything having been said. */
int cli_parse(const struct cli_syntax *s, const char *name, int argc, char **argv,
	      void *opts);

#endif
