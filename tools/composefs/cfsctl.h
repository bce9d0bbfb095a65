/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cfsctl: the main tool when it is started as cfsctl (0.9), the name of the program of
 * composefs-rs.
 * Owns:  the options that only cfsctl has, and the programs that it contains.
 * Uses:  base, child, cli.
 * Never: does the work of a command.
 */
#ifndef CFS_CFSCTL_H
#define CFS_CFSCTL_H

/* Handles the options that only cfsctl has before a command. argv[*at] is the command, or
 * *at is *argc; both are reduced when options are removed. A contained program
 * (mkcomposefs, ...) replaces this process. Returns a negative number to continue, or the
 * exit status after a message. */
int cfsctl_begin(const char *program, int *at, int *argc, char **argv);

/* Converts the name of a new reference. cfsctl takes it literally, so that refs/x is
 * stored below another refs/. The result may be in buf. */
enum { CFSCTL_NAME_MAX = 2048 };
const char *cfsctl_new_name(const char *given, char buf[CFSCTL_NAME_MAX]);

#endif
