/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A signal after the last poll of work that only read. */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/signals.h"
#include "cli/watch.h"

#include "t.h"

/* The exit status of a child that runs fn: a signal cancels one work of a process. */
static int status_of(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn());
	t_eq(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int read_to_the_end(void)
{
	struct cli_watch watch;
	struct cfs_err err;

	cli_signals_begin();
	cli_watch_start(&watch, "test");
	return cli_watch_end_reading(&watch, 7, &err);
}

static int read_and_fail(void)
{
	struct cli_watch watch;
	struct cfs_err err;

	cli_signals_begin();
	cli_watch_start(&watch, "test");
	raise(SIGINT);
	return cli_watch_end_reading(&watch, -EIO, &err) == -EIO;
}

static int interrupt_after_the_last_poll(void)
{
	struct cli_watch watch;
	struct cfs_err err;

	cli_signals_begin();
	cli_watch_start(&watch, "test");
	raise(SIGINT);
	return cli_watch_end_reading(&watch, 0, &err) == -ECANCELED;
}

static int interrupt_after_the_end(void)
{
	struct cli_watch watch;
	struct cfs_err err;

	cli_signals_begin();
	cli_watch_start(&watch, "test");
	if (cli_watch_end_reading(&watch, 0, &err) == 0)
		raise(SIGINT);
	return 1;
}

T(reading_without_a_signal_keeps_its_result)
{
	t_eq(status_of(read_to_the_end), 7);
}

T(reading_that_failed_keeps_its_error_after_a_signal)
{
	t_eq(status_of(read_and_fail), 1);
}

T(signal_after_the_last_poll_cancels_work_that_only_read)
{
	t_eq(status_of(interrupt_after_the_last_poll), 1);
}

T(signal_after_the_end_of_reading_ends_the_program_at_once)
{
	t_eq(status_of(interrupt_after_the_end), 128 + SIGINT);
}
