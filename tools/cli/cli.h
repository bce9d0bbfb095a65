/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cli: helpers that all command line tools share.
 * Owns:  program names, messages on stderr, progress on a terminal, the start and the end
 *        of a program.
 * Uses:  base.
 * Never: does the work of a command.
 */
#ifndef CFS_CLI_H
#define CFS_CLI_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/base.h"

/* Exit statuses of composefs. The drop-in tools use 0 and 1 only. */
enum {
	CLI_OK = 0,
	CLI_FAILED = 1,
	CLI_USAGE = 2,
};

/* Starts a program: opens /dev/null on closed standard descriptors (base/std.h) and
 * installs the signal handlers. main() calls it first. Returns false after an error,
 * which has been printed: the program must exit with CLI_FAILED. */
bool cli_begin(const char *name) CFS_MUST_CHECK;

/* Prints "NAME VERSION" and returns true if --version is the only argument, apart from
 * -q and -v. */
bool cli_print_version(const char *name, int argc, char **argv);

/* The same, and prints usage if --help is the only argument. */
bool cli_print_help_or_version(const char *name, const char *usage, int argc,
			       char **argv);

/* Returns the last component of argv[0]. */
const char *cli_program_name(const char *argv0);

/* Returns true if the program was started as cfsctl, the name of the program of
 * composefs-rs. */
bool cli_is_cfsctl(void);

/* Prints text, with control characters escaped as "\\x1b" (base/show.h). */
void cli_print(FILE *to, const char *text);

/* Prints "NAME: MESSAGE" to stderr with one write(2): an error. For others see cli/verbosity.h. */
void cli_print_message(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* The same for a text of this kind: on a terminal, the name before an error and the word "warning" have a colour. */
enum cli_message { CLI_ERROR, CLI_WARNING, CLI_NOTE };
void cli_print_message_as(enum cli_message kind, const char *name, const char *text);

/* The repository that the command works on although the command line does not name it: from now on each error and
 * warning names it, unless it does already. Not for cfsctl. path is copied. */
void cli_use_repository(const char *path);

/* Reports wrong usage: prints "NAME: MESSAGE" and a line that refers to --help, with one
 * write(2). Returns CLI_FAILED. */
int cli_fail_usage(const char *name, const char *fmt, ...) CFS_PRINTF(2, 3);

/* Prints several lines to stderr with one write(2). */
void cli_print_error_text(const char *text);

/* Appends advice to an error: "SENTENCE (ADVICE)". Returns rc. Does nothing if rc >= 0
 * or err is NULL. */
int cli_add_advice(int rc, struct cfs_err *err, const char *advice);

/* Flushes stdout and reports an error, before an operation that must not happen if the
 * output is lost. */
int cli_flush(struct cfs_err *err) CFS_MUST_CHECK;

/* Ends a program: flushes stdout and returns the exit status. That is CLI_FAILED, with a
 * message, if only the output failed, and 130 or 143 if a signal cancelled the work. */
int cli_end(const char *name, int status);

/* Progress: one line on stderr that is rewritten in place. It is shown only on a
 * terminal, and only after one second. */
struct cli_progress {
	const char *name;
	int64_t start_ms, shown_ms;
	bool enabled, shown;
};

/* Starts the progress of the program name, which is borrowed; and shows a text from time
 * to time, if standard error is a terminal. */
void cli_progress_start(struct cli_progress *p, const char *name);
void cli_progress_update(struct cli_progress *p, const char *fmt, ...) CFS_PRINTF(2, 3);
/* Erases the line. */
void cli_progress_end(struct cli_progress *p);

/* Formats a size for people, such as "1.5 MiB". Returns buf. */
const char *cli_format_bytes(uint64_t n, char buf[32]);

#endif
