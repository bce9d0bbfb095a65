/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The watch of a command. */
#include "cli/watch.h"

#include "cli/signals.h"
#include "cli/verbosity.h"

static void print_progress(void *ctx, const struct cfs_progress *now)
{
	struct cli_watch *w = ctx;
	char all[64] = "", bytes[96] = "", done_text[32], all_text[32];

	if (now->all)
		snprintf(all, sizeof(all), " of %llu", (unsigned long long)now->all);
	if (now->bytes)
		snprintf(bytes, sizeof(bytes), ", %s of %s",
			 cli_format_bytes(now->bytes_done, done_text),
			 cli_format_bytes(now->bytes, all_text));
	cli_progress_update(&w->line, "%llu%s %s%s", (unsigned long long)now->done, all,
			    now->stage, bytes);
}

static void print_watch_warning(void *ctx, const char *msg)
{
	struct cli_watch *w = ctx;

	cli_print_warning(w->name, "%s", msg);
}

void cli_watch_start(struct cli_watch *w, const char *name)
{
	*w = (struct cli_watch){
		.watch = {NULL, print_watch_warning, w, cli_signals_cancel()},
		.name = name,
	};
	cli_progress_start(&w->line, name);
	if (w->line.enabled)
		w->watch.progress = print_progress;
}

void cli_watch_end(struct cli_watch *w)
{
	cli_progress_end(&w->line);
	cli_signals_end();
}

int cli_watch_end_reading(struct cli_watch *w, int rc, struct cfs_err *err)
{
	int late;

	/* From here on, a signal ends the program at once. */
	cli_watch_end(w);
	late = rc < 0 ? rc : cfs_watch_poll(&w->watch, err);
	return late < 0 ? late : rc;
}
