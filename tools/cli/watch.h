/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cli/watch: the watch on the long work of a command.
 * Owns:  the progress line, the format of warnings.
 * Uses:  base (watch), cli (messages, progress, signals).
 * Never: does the work of a command.
 */
#ifndef CFS_CLI_WATCH_H
#define CFS_CLI_WATCH_H

#include "base/watch.h"
#include "cli/cli.h"

/* Pass &w->watch to the work. */
struct cli_watch {
	struct cfs_watch watch;
	const char *name;
	struct cli_progress line;
};

/* From here to cli_watch_end, signals cancel the work. name of the program: borrowed.
 * Watches may be nested. */
void cli_watch_start(struct cli_watch *w, const char *name);

/* Erases the progress line. */
void cli_watch_end(struct cli_watch *w);

/* The same after work that only read. rc: its result, which is returned. -ECANCELED if a
 * signal came after the last poll of the work: the command would print for long, and no
 * result is lost. */
int cli_watch_end_reading(struct cli_watch *w, int rc,
			  struct cfs_err *err) CFS_MUST_CHECK;

#endif
