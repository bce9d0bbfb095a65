/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* cli/watch: the watch on the long work of a command.
 * Owns:  the progress line, the form of warnings.
 * Uses:  base (watch), cli (messages, progress, signals).
 * Never: does a command's work.
 */
#ifndef CFS_CLI_WATCH_H
#define CFS_CLI_WATCH_H

#include "base/watch.h"
#include "cli/cli.h"

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
