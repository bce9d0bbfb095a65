/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Handles SIGINT and SIGTERM. */
#include "cli/signals.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/watch.h"

enum { WRITE_POLL_MS = 50 }; /* time between two checks for a signal */

static volatile sig_atomic_t n_active; /* number of works that a signal cancels */
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

const volatile sig_atomic_t *cli_signals_cancel(void)
{
	n_active++;
	return &caught;
}

const volatile sig_atomic_t *cli_signals_cancelled(void)
{
	return &caught;
}

void cli_signals_end(void)
{
	n_active--;
}

int cli_signal_get_status(void)
{
	return caught ? 128 + caught : 0;
}

/* The signals are blocked but while it waits, so that none comes between the check and the wait. */
int cli_wait_input(int fd, const volatile sig_atomic_t *cancelled, struct cfs_err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	sigset_t ends, before;
	int rc = 0;

	sigemptyset(&ends);
	sigaddset(&ends, SIGINT);
	sigaddset(&ends, SIGTERM);
	sigprocmask(SIG_BLOCK, &ends, &before);
	if (!*cancelled && ppoll(&p, 1, NULL, &before) < 0 && errno != EINTR)
		rc = cfs_fail_errno(err, "poll");
	sigprocmask(SIG_SETMASK, &before, NULL);
	return rc < 0 || !*cancelled ? rc : cfs_watch_fail(err);
}

/* Returns true if a write will not block, or will fail; false after a signal. */
static bool wait_for_reader(int fd)
{
	struct pollfd p = {fd, POLLOUT, 0};
	int n;

	do
		n = poll(&p, 1, caught ? 0 : WRITE_POLL_MS);
	while ((n == 0 && !caught) || (n < 0 && errno == EINTR));
	return n != 0;
}

/* A pipe that poll() reports as writable accepts PIPE_BUF bytes without blocking. */
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
