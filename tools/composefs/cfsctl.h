/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cfsctl: the main tool under the name of composefs-rs's program (cfsctl 0.9).
 * Owns:  the options that only that program has, and the programs that it contains.
 * Uses:  base, child, cli.
 * Never: does the work of a command.
 */
#ifndef CFS_CFSCTL_H
#define CFS_CFSCTL_H

/* Handles what only that program has in front of a command. argv[*at] is the command, or *at is *argc; both
 * numbers shrink as options are removed. A program that is contained there (mkcomposefs, ...) replaces
 * this one. Negative: go on with the rest; else the status of the program, after a message. */
int cfsctl_begin(const char *program, int *at, int *argc, char **argv);

/* The name that a new image gets, as our library takes it: there it is taken as it is, so that refs/x is below
 * another refs/. May be in buf. */
enum { CFSCTL_NAME_MAX = 2048 };
const char *cfsctl_new_name(const char *given, char buf[CFSCTL_NAME_MAX]);

#endif
