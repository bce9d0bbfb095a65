/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cli/watch: what SIGINT and SIGTERM do, and the watch on the long work of a command.
 * Owns:  the signal handlers, the statuses 130 and 143, the progress line.
 * Uses:  base (watch), cli (messages, progress).
 * Never: does a command's work.
 *
 * Without a watch, SIGINT and SIGTERM end the program at once: no command has anything to clean up while it
 * reads and prints. While a watch is active they cancel it: the command cleans up and ends with -ECANCELED. A
 * second signal ends the program at once.
 */
#ifndef CFS_CLI_WATCH_H
#define CFS_CLI_WATCH_H

#include "base/watch.h"
#include "cli/cli.h"

/* Installs the handlers, but not for a signal that the parent process ignores (nohup). Called by cli_begin. */
void cli_signals_begin(void);

/* 130 or 143 after a signal that cancelled the work, else 0. */
int cli_signal_status(void);

/* Writes all of it to a standard descriptor. After a signal that cancelled the work it does not wait for who reads:
 * -ECANCELED, and the rest is lost. */
int cli_write(int fd, const void *p, size_t len) CFS_MUST_CHECK;

/* Lent to the work: &w->watch. */
struct cli_watch {
	struct cfs_watch watch;
	const char *name;
	struct cli_progress line;
};

/* From here to cli_watch_end signals cancel the work. name: of the program, lent. Watches may be nested. */
void cli_watch_start(struct cli_watch *w, const char *name);

/* Erases the progress line. */
void cli_watch_end(struct cli_watch *w);

#endif
