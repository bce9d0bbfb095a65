/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* base: a watch reports and cancels, and a watch that is not there does neither. */
#include "base/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/base.h"

#include "t.h"

static char warned[CFS_ERR_MAX];
static struct cfs_progress seen;
static volatile sig_atomic_t cancelled;

static void keep_warning(void *ctx, const char *msg)
{
	(*(int *)ctx)++;
	snprintf(warned, sizeof(warned), "%s", msg);
}

static void keep_progress(void *ctx, const struct cfs_progress *now)
{
	(*(int *)ctx)++;
	seen = *now;
}

T(watch_passes_on_progress_and_warnings)
{
	int n = 0;
	struct cfs_watch w = {keep_progress, keep_warning, &n, NULL};

	cfs_watch_warn(&w, "%s %d", "line", 7);
	t_str(warned, "line 7");
	cfs_watch_progress(&w, &(struct cfs_progress){.stage = "files", .done = 3});
	t_str(seen.stage, "files");
	t_eq(seen.done, 3);
	t_eq(n, 2);
}

T(watch_that_is_absent_or_empty_reports_nothing)
{
	struct cfs_watch empty = {0};
	struct cfs_err err;

	cfs_watch_warn(NULL, "x");
	cfs_watch_warn(&empty, "x");
	cfs_watch_progress(NULL, &seen);
	cfs_watch_progress(&empty, &seen);
	t_eq(cfs_watch_poll(NULL, &err), 0);
	t_eq(cfs_watch_poll(&empty, &err), 0);
}

T(watch_that_is_cancelled_ends_the_work)
{
	struct cfs_watch w = {.cancelled = &cancelled};
	struct cfs_err err;

	cancelled = 0;
	t_eq(cfs_watch_poll(&w, &err), 0);
	cancelled = 1;
	t_eq(cfs_watch_poll(&w, &err), -ECANCELED);
	t_str(err.msg, "interrupted");
}

static int cancel_at(void *ctx, unsigned worker, size_t i, struct cfs_err *err)
{
	(void)ctx;
	(void)worker;
	(void)err;
	if (i == 10)
		cancelled = 1;
	return 0;
}

T(pool_begins_no_piece_after_cancellation)
{
	struct cfs_watch w = {.cancelled = &cancelled};
	struct cfs_err err;

	cancelled = 0;
	t_eq(cfs_pool_run(1, 11, cancel_at, NULL, &w, &err), 0);
	cancelled = 0;
	t_eq(cfs_pool_run(1, 12, cancel_at, NULL, &w, &err), -ECANCELED);
	t_str(err.msg, "interrupted");
}

static void *cancel_soon(void *unused)
{
	usleep(20000);
	cancelled = 1;
	return unused;
}

/* A pipe without a writer: the wait would never end. */
T(read_of_an_idle_pipe_ends_on_cancellation)
{
	struct cfs_watch w = {.cancelled = &cancelled};
	struct cfs_err err;
	pthread_t thread;
	char buf[8];
	int fds[2];

	t_eq(pipe(fds), 0);
	t_eq(write(fds[1], "abc", 3), 3);
	cancelled = 0;
	t_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	t_eq(cfs_io_read_watched(fds[0], buf, sizeof(buf), &w, &err), -ECANCELED);
	pthread_join(thread, NULL);
	cancelled = 0;
	t_eq(write(fds[1], "abc", 3), 3);
	close(fds[1]);
	t_eq(cfs_io_read_watched(fds[0], buf, sizeof(buf), &w, &err), 3);
	close(fds[0]);
}

/* The pipe has no reader. */
T(write_to_a_full_pipe_ends_on_cancellation)
{
	static char big[1 << 20];
	struct cfs_watch w = {.cancelled = &cancelled};
	struct cfs_watched_fd to = {.watch = &w};
	struct cfs_sink sink = cfs_sink_watched_fd(&to);
	struct cfs_err err;
	pthread_t thread;
	int fds[2];

	t_eq(pipe(fds), 0);
	to.fd = fds[1];
	cancelled = 0;
	t_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	t_eq(sink.write(sink.ctx, big, sizeof(big), &err), -ECANCELED);
	pthread_join(thread, NULL);
	close(fds[0]);
	close(fds[1]);
}

T(wait_for_a_lock_ends_on_cancellation)
{
	struct cfs_watch w = {.cancelled = &cancelled};
	struct cfs_lock_wait wait = {.watch = &w};
	char path[] = "/tmp/cfs-watch-XXXXXX";
	struct cfs_err err;
	pthread_t thread;
	int held = mkstemp(path), fd = open(path, O_RDONLY | O_CLOEXEC);

	t_eq(flock(held, LOCK_EX), 0);
	cancelled = 0;
	t_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	t_eq(cfs_lock_take(fd, LOCK_EX, &wait, &err), -ECANCELED);
	pthread_join(thread, NULL);
	close(held);
	close(fd);
	unlink(path);
}

/* As another process, because POSIX locks belong to a process. Ends when the pipe does. */
static pid_t hold_posix_lock(const char *path, int ready, int end)
{
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	pid_t pid = fork();
	int fd;
	char c;

	if (pid != 0)
		return pid;
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (fcntl(fd, F_SETLK, &all) < 0 || write(ready, "x", 1) != 1)
		_exit(1);
	_exit(read(end, &c, 1) == 0 ? 0 : 1);
}

T(record_lock_waits_for_posix_locks_only)
{
	struct cfs_lock_wait wait = {.timeout_ms = -1};
	struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char path[] = "/tmp/cfs-watch-XXXXXX", text[64], c;
	int held = mkstemp(path), fd = open(path, O_RDONLY | O_CLOEXEC);
	int ready[2], end[2], status;
	struct cfs_err err;
	pid_t pid;

	t_eq(flock(held, LOCK_EX), 0);
	t_eq(cfs_lock_take_record(fd, &wait, &err), 0);
	t_eq(fcntl(held, F_SETLK, &all), -1);
	close(fd);
	t_eq(pipe2(ready, O_CLOEXEC), 0);
	t_eq(pipe2(end, O_CLOEXEC), 0);
	pid = hold_posix_lock(path, ready[1], end[0]);
	t_eq(read(ready[0], &c, 1), 1);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	t_eq(cfs_lock_take_record(fd, &wait, &err), -EBUSY);
	snprintf(text, sizeof(text), "locked by process %d ", pid);
	t_has(err.msg, text);
	t_eq(kill(pid, SIGKILL), 0);
	t_eq(waitpid(pid, &status, 0), pid);
	t_eq(cfs_lock_take_record(fd, &wait, &err), 0);
	for (int i = 0; i < 2; i++) {
		close(ready[i]);
		close(end[i]);
	}
	close(held);
	close(fd);
	unlink(path);
}

T(wait_for_a_child_ends_on_cancellation_and_kills_it)
{
	struct cfs_watch w = {.cancelled = &cancelled};
	static const char *const argv[] = {"sleep", "1000", NULL};
	struct cfs_err err;
	pthread_t thread;
	pid_t pid;

	t_eq(cfs_child_start(argv, 0, 1, &pid, &err), 0);
	cancelled = 0;
	t_eq(pthread_create(&thread, NULL, cancel_soon, NULL), 0);
	t_eq(cfs_child_wait(pid, "sleep", &w, &err), -ECANCELED);
	t_eq(kill(pid, 0), -1);
	t_eq(errno, ESRCH);
	pthread_join(thread, NULL);
}

T(watch_passes_on_ten_warnings_of_a_kind_and_counts_the_rest)
{
	int n = 0;
	struct cfs_watch w = {.warning = keep_warning, .ctx = &n};
	struct cfs_watch_kind kind = {.watch = &w};

	for (int i = 0; i < 12; i++)
		cfs_watch_warn_kind(&kind, "line %d", i);
	t_str(warned, "line 9");
	cfs_watch_end_kind(&kind, "such lines");
	t_str(warned, "and 2 more such lines");
	t_eq(n, 11);
}
