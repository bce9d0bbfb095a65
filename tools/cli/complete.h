/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* complete: what the shells offer when the user presses the tab key, from the option tables.
 * Owns:  the hidden call "PROGRAM --complete WORD...", its output.
 * Uses:  base, options.
 * Never: opens a file, knows a command.
 *
 * The last WORD is the one to complete; it may be empty. Each line of the output is a candidate, a tab, and a
 * description. A line ":files" or ":dirs" asks the shell for names of files or directories; ":none" asks for none.
 */
#ifndef CFS_COMPLETE_H
#define CFS_COMPLETE_H

#include <stdbool.h>

#include "cli/options.h"

/* What precedes the word to complete. Borrowed from argv. */
struct cli_completion {
	const char *word; /* the part that is completed: "o" of "--sort=o" */
	const char *
		prefix; /* what precedes it: "--sort=", printed in front of each candidate */
	int prefix_len;
	const char **operands;
	size_t n_operands;
	const char *image; /* the operand called IMAGE; NULL: none yet */
	const char *repo;  /* value of --repo */
	bool user, system;
	size_t n_candidates;
};

/* Prints a candidate if it begins with the word, and if a shell can show it: without control characters. */
void cli_complete_put(struct cli_completion *c, const char *text, const char *about);

/* Offers the words for an operand or a value that --help calls kind: "IMAGE", "NAME", "PATH", "COMMAND". A
 * failure offers nothing. Set by a program that knows such words; NULL: none. */
extern void (*cli_complete_kind)(struct cli_completion *c, const char *kind);

/* Is this the hidden call? */
bool cli_is_completion(int argc, char **argv);

/* Answers it for a command line of that syntax. Returns the status of the program. */
int cli_complete(const struct cli_syntax *s, int argc, char **argv);

#endif
