/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* SIGINT, SIGTERM, and the watch of a command. */
#include "cli/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WRITE_POLL_MS = 50 }; /* between two looks whether a signal came */

static volatile sig_atomic_t n_active; /* watches */
static volatile sig_atomic_t caught;   /* the signal that cancelled the work */

static void handle_signal(int sig)
{
	if (n_active == 0 || caught)
		_exit(128 + sig);
	caught = sig;
}

void cli_signals_begin(void)
{
	static const int signals[] = {SIGINT, SIGTERM};
	struct sigaction now,
		handler = {.sa_handler = handle_signal, .sa_flags = SA_RESTART};

	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN)
			sigaction(signals[i], &handler, NULL);
}

int cli_signal_status(void)
{
	return caught ? 128 + caught : 0;
}

/* True: a write does not wait, or fails. */
static bool wait_for_reader(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};
	int n;

	do
		n = poll(&p, 1, caught ? 0 : WRITE_POLL_MS);
	while ((n == 0 && !caught) || (n < 0 && errno == EINTR));
	return n != 0;
}

/* A pipe that is ready takes PIPE_BUF bytes without waiting. */
int cli_write(int fd, const void *p, size_t len)
{
	const char *from = p;
	struct stat st;
	size_t max = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? SIZE_MAX : PIPE_BUF;

	while (len) {
		ssize_t n;

		if (!wait_for_reader(fd))
			return -ECANCELED;
		n = write(fd, from, len < max ? len : max);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		from += n > 0 ? n : 0;
		len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static void show_progress(void *ctx, const struct cfs_progress *now)
{
	struct cli_watch *w = ctx;
	char all[64] = "", bytes[96] = "", done_text[32], all_text[32];

	if (now->all)
		snprintf(all, sizeof(all), " of %llu", (unsigned long long)now->all);
	if (now->bytes)
		snprintf(bytes, sizeof(bytes), ", %s of %s",
			 cli_bytes(now->bytes_done, done_text),
			 cli_bytes(now->bytes, all_text));
	cli_progress_show(&w->line, "%llu%s %s%s", (unsigned long long)now->done, all,
			  now->stage, bytes);
}

static void print_warning(void *ctx, const char *msg)
{
	struct cli_watch *w = ctx;

	cli_say(w->name, "warning: %s", msg);
}

void cli_watch_start(struct cli_watch *w, const char *name)
{
	*w = (struct cli_watch){
		.watch = {NULL, print_warning, w, &caught},
		.name = name,
	};
	cli_progress_start(&w->line, name);
	if (w->line.enabled)
		w->watch.progress = show_progress;
	n_active++;
}

void cli_watch_end(struct cli_watch *w)
{
	cli_progress_end(&w->line);
	n_active--;
}
