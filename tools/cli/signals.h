/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cli/signals: the effect of SIGINT and SIGTERM.
 * Owns:  the signal handlers, the exit statuses 130 and 143, writes to a standard
 *        descriptor and waits for input that a signal ends.
 * Uses:  base.
 * Never: does the work of a command, prints.
 *
 * SIGINT and SIGTERM end the program at once: no command has anything to clean up while
 * it reads and prints. During work that can be cancelled, the first signal cancels the
 * work: the command cleans up and ends with -ECANCELED. A second signal ends the program
 * at once.
 */
#ifndef CFS_CLI_SIGNALS_H
#define CFS_CLI_SIGNALS_H

#include <signal.h>
#include <stddef.h>

#include "base/err.h"

/* Installs the handlers, except for a signal that the parent process ignores (nohup).
 * Called by cli_begin. */
void cli_signals_begin(void);

/* From here to cli_signals_end, a signal cancels the work. May be nested. Returns a
 * pointer to the number of that signal, which is 0 until then. */
const volatile sig_atomic_t *cli_signals_cancel(void);
void cli_signals_end(void);

/* The same pointer, for work that a signal cancels only within other work. */
const volatile sig_atomic_t *cli_signals_cancelled(void);

/* Returns 130 or 143 if a signal cancelled the work, otherwise 0. */
int cli_signal_get_status(void);

/* Waits until fd can be read. cancelled: of cli_signals_cancel. -ECANCELED after a
 * signal. */
int cli_wait_input(int fd, const volatile sig_atomic_t *cancelled,
		   struct cfs_err *err) CFS_MUST_CHECK;

/* Writes all bytes to a standard descriptor. After a signal that cancelled the work, it
 * does not wait for the reader: -ECANCELED, and the rest is lost. */
int cli_write(int fd, const void *p, size_t len) CFS_MUST_CHECK;

#endif
