/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* command: how a command of composefs starts and ends.
 * Owns:  parsing options, counting operands, the error message and the exit status.
 * Uses:  base, cli, options.
 * Never: knows a command.
 */
#ifndef CFS_COMMAND_H
#define CFS_COMMAND_H

#include "cli/cli.h"
#include "cli/options.h"

/* Sets the name of the command that runs, such as "composefs images": messages of code
 * that several commands share begin with it. name is copied. */
void command_set_name(const char *name);

/* Returns the name that was set, or otherwise. */
const char *command_name(const char *otherwise);

/* Parses the options of a command and counts its operands, which start at argv[optind].
 * Returns a negative number to continue, or the exit status; all messages have been
 * printed then. usage: the message for a wrong number of operands, such as "expected
 * IMAGE". */
int command_begin(const struct cli_syntax *syntax, int argc, char **argv, void *opts,
		  int min, int max, const char *usage);

/* Prints the error if rc is negative. Returns the exit status. */
int command_end(const char *name, int rc, const struct cfs_err *err);

#endif
