/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* verbosity: -q and -v, and the messages that they decide about.
 * Owns:  warnings (held back), notes, explanations; whether a terminal gets colours.
 * Uses:  base, cli.
 * Never: decides whether an error or requested output is printed: both always are.
 */
#ifndef CFS_CLI_VERBOSITY_H
#define CFS_CLI_VERBOSITY_H

#include "cli/cli.h"

/* Of the whole program; set once, before threads exist. */
enum cli_verbosity { CLI_NORMAL, CLI_QUIET, CLI_VERBOSE };
void cli_set_verbosity(enum cli_verbosity v);
bool cli_is_quiet(void);
bool cli_is_verbose(void);

/* Removes -q, --quiet, -v and --verbose from the arguments up to "--", for programs without an option table. */
void cli_take_verbosity(int *argc, char **argv);

/* Warns: "NAME: warning: MESSAGE". Warnings are held back until the program ends, so that an error comes first; a
 * program that prints very many prints some earlier. Not with -q. Any thread. */
void cli_print_warning(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Prints the warnings that are held back: before another program runs, or a wait without end. */
void cli_flush_warnings(void);

/* Says what goes on, at once. Not with -q. */
void cli_print_note(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Explains what was chosen, and why: with -v only. */
void cli_print_detail(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Whether escape sequences for colours may be written to the descriptor: it is a terminal that knows them,
 * and $NO_COLOR is not set. */
bool cli_has_colour(int fd);

/* Prints a heading of --help, bold on a terminal. */
void cli_print_heading(FILE *to, const char *text);

#endif
