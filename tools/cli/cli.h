/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cli: what the command line tools share.
 * Owns:  program names, messages on stderr, progress on a terminal, numbers in options.
 * Uses:  base.
 * Never: does a command's work.
 */
#ifndef CFS_CLI_H
#define CFS_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

/* Statuses of the main program. The stand-ins for existing tools know only 0 and 1. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
};

/* The first thing that a program does: puts /dev/null where standard descriptors are closed (see base/std.h). False, after
 * having said so: the program ends with CLI_FAILED. */
bool cli_begin(const char *name) CFS_MUST_CHECK;

/* Prints "NAME VERSION" and returns true when the only argument is --version. */
bool cli_print_version(const char *name, int argc, char **argv);

/* The last component of argv[0]. */
const char *cli_name(const char *argv0);

/* Was this process started as cfsctl, the name of composefs-rs's program? */
bool cli_stands_in(void);

/* Puts text; what must not reach a terminal (base/show.h) as "\\x1b". */
void cli_print(FILE *to, const char *text);

/* A line on stderr, "NAME: sentence", by one write(2). */
void cli_say(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Wrong usage: "NAME: sentence", and a line that says where --help is, by one write(2). Returns CLI_FAILED. */
int cli_misused(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Text of several lines on stderr, by one write(2). */
void cli_complain(const char *text);

/* Puts behind an error what can be done about it: "SENTENCE (ADVICE)". Returns rc; of 0 and more there is nothing
 * to say. */
int cli_advise(int rc, struct cfs_err *err, const char *advice);

/* Brings what was printed out of the program, before it does what such a failure should stop. */
int cli_flush(struct cfs_err *err) CFS_MUST_CHECK;

/* The last thing that a program does: the status, or CLI_FAILED after having said so when all went well but for
 * standard output, which did not take what was printed. 130 or 143 when a signal cancelled the work. */
int cli_end(const char *name, int status);

/* Progress: one line on stderr that is rewritten in place, shown only on a terminal and only
 * when the work has taken a second already. Starts with cli_progress_start. */
struct cli_progress {
	const char *name;
	int64_t start_ms, shown_ms;
	bool enabled, shown;
};

void cli_progress_start(struct cli_progress *p, const char *name);
void cli_progress_show(struct cli_progress *p, const char *fmt, ...) CFS_PRINTF(2, 3);
/* Wipes the line, so that what follows starts clean. */
void cli_progress_end(struct cli_progress *p);

/* A count of bytes for people, such as "1.5 MiB"; returns buf. */
const char *cli_bytes(uint64_t n, char buf[32]);

#endif
