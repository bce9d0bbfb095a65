/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Child processes that run other programs. */
#include "base/base.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

extern char **environ;

enum { FINISH_MS = 5000 };

int cfs_child_make_input(struct cfs_span bytes, struct cfs_err *err)
{
	cfs_autofd int fd = memfd_create("input", MFD_CLOEXEC);
	int rc;

	if (fd < 0)
		return cfs_fail_errno(err, "memory file");
	rc = cfs_io_write(fd, bytes.p, bytes.len, err);
	if (rc < 0)
		return rc;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return cfs_fail_errno(err, "memory file");
	return cfs_steal_fd(&fd);
}

/* in and out are duplicated before extra replaces what the child has at its number. */
int cfs_child_start_with(const char *const *argv, int in, int out, int extra, pid_t *pid,
			 struct cfs_err *err)
{
	posix_spawn_file_actions_t actions;
	int errnum = posix_spawn_file_actions_init(&actions);

	if (errnum)
		return cfs_fail(err, errnum, "out of memory");
	errnum = posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	if (errnum == 0)
		errnum = posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	if (errnum == 0 && extra >= 0)
		errnum = posix_spawn_file_actions_adddup2(&actions, extra,
							  CFS_CHILD_EXTRA);
	if (errnum == 0)
		errnum = posix_spawnp(pid, argv[0], &actions, NULL,
				      (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	errno = errnum;
	return errnum ? cfs_fail_errno(err, "cannot start %s", argv[0]) : 0;
}

int cfs_child_start(const char *const *argv, int in, int out, pid_t *pid,
		    struct cfs_err *err)
{
	return cfs_child_start_with(argv, in, out, -1, pid, err);
}

static int check_exit_status(int status, const char *name, struct cfs_err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFSIGNALED(status))
		return cfs_fail(err, EIO, "%s was killed by signal %d", name,
				WTERMSIG(status));
	return cfs_fail(err, EIO, "%s failed", name);
}

int cfs_child_wait(pid_t pid, const char *name, const struct cfs_watch *watch,
		   struct cfs_err *err)
{
	for (;;) {
		int status = 0;
		pid_t rc = waitpid(pid, &status, watch ? WNOHANG : 0);

		if (rc == pid)
			return check_exit_status(status, name, err);
		if (rc < 0 && errno != EINTR)
			return cfs_fail_errno(err, "wait for %s", name);
		if (cfs_watch_is_cancelled(watch)) {
			cfs_child_kill(pid);
			return cfs_watch_poll(watch, err);
		}
		if (watch)
			cfs_lock_sleep_ms(CFS_LOCK_POLL_MS);
	}
}

int cfs_child_finish(pid_t pid, const char *name, struct cfs_err *err)
{
	long long end = cfs_lock_get_now_ms() + FINISH_MS;

	for (;;) {
		int status = 0;
		pid_t rc = waitpid(pid, &status, WNOHANG);

		if (rc == pid)
			return check_exit_status(status, name, err);
		if (rc < 0 && errno != EINTR)
			return cfs_fail_errno(err, "wait for %s", name);
		if (cfs_lock_get_now_ms() >= end)
			break;
		cfs_lock_sleep_ms(CFS_LOCK_POLL_MS);
	}
	cfs_child_kill(pid);
	return cfs_fail(err, EIO, "%s did not exit within 5 seconds", name);
}

void cfs_child_kill(pid_t pid)
{
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}
