/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* command: the frame of a command of composefs.
 * Owns:  how a command starts (options, number of operands) and ends (error message, exit status).
 * Uses:  base, cli, options.
 * Never: knows a command.
 */
#ifndef CFS_COMMAND_H
#define CFS_COMMAND_H

#include "cli/cli.h"
#include "cli/options.h"

/* Parses the options of a command and counts its operands, from argv[optind] on. Negative: continue. Otherwise
 * the program ends with that status, and all messages have been printed. */
int command_begin(const struct cli_syntax *syntax, int argc, char **argv, void *opts,
		  int min, int max, const char *want);

/* The repository that the command works on although the command line does not name it: the error message names it, unless
 * it does already. */
void command_use_repository(const char *path);

/* Prints the error, if there is one, and returns the exit status. */
int command_end(const char *name, int rc, const struct cfs_err *err);

#endif
