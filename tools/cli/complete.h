/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* complete: completion of command lines in shells, from the option tables.
 * Owns:  the hidden call "PROGRAM --complete WORD...", its output.
 * Uses:  base, options.
 * Never: opens a file, knows a command.
 *
 * The last WORD is the one to complete; it may be empty. Each line of the output is a
 * candidate, a tab, and a description. A line ":files" or ":dirs" makes the shell add
 * names of files or directories; ":none" adds nothing.
 */
#ifndef CFS_COMPLETE_H
#define CFS_COMPLETE_H

#include <stdbool.h>

#include "cli/options.h"

/* The words before the one to complete. Borrowed from argv. */
struct cli_completion {
	const char *word; /* the part to complete: "o" of "--sort=o" */
	const char *
		prefix; /* the part before it: "--sort=", printed in front of each candidate */
	int prefix_len;
	const char **operands;
	size_t n_operands;
	const char *image; /* the operand called IMAGE; NULL if there is none yet */
	const char *repo;  /* value of --repo */
	const char *from;  /* value of --from=REPO: the repository of the images */
	bool user, system;
	size_t n_candidates;
	bool no_files; /* the word is no name of a file, though there is no candidate */
};

/* Prints a candidate if it begins with the word and has no control characters. */
void cli_complete_put(struct cli_completion *c, const char *text, const char *about);

/* Prints the candidates for an operand or value that --help calls kind: "IMAGE", "NAME",
 * "PATH", "COMMAND". Prints nothing on failure, and sets no_files where a file cannot be
 * meant. Set by a program that knows such words; may be NULL. */
extern void (*cli_complete_kind)(struct cli_completion *c, const char *kind);

/* Returns true if the arguments are the hidden call. */
bool cli_is_completion(int argc, char **argv);

/* Prints the candidates for a command line of that syntax. Returns the exit status. */
int cli_complete(const struct cli_syntax *s, int argc, char **argv);

#endif
