/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The lock of a repository: a flock on its directory, which composefs-rs takes, too. Who uses the
 * repository shares it, who collects has it alone. The kernel lets new sharers pass one who waits to
 * be alone; so that a busy repository can be collected, we pass through a gate first, a second lock that a
 * collector holds while it waits. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <time.h>

#include "repo/repo_priv.h"

static const char gate_name[] = ".lock-gc";

static int lock(int fd, int how)
{
	while (flock(fd, how) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* A gate that cannot be opened (a read-only file system, none there yet) holds nobody up. */
static int open_gate(int dirfd, bool writer)
{
	int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

	return openat(dirfd, gate_name, writer ? flags | O_CREAT : flags, 0644);
}

int repo_lock_shared(int dirfd, bool writer, struct cfs_err *err)
{
	cfs_autofd int gate = open_gate(dirfd, writer);
	int rc;

	if (gate >= 0)
		(void)lock(gate, LOCK_SH);
	rc = lock(dirfd, LOCK_SH);
	if (rc == 0 ||
	    !writer) /* without locks there is nothing that reading could wait for */
		return 0;
	errno = -rc;
	return cfs_fail_errno(err, "lock");
}

enum {
	POLL_MS = 10,
	GATE_MS =
		2000, /* who holds the repository for hours must not hold up all others by us */
	OPEN_MS = 100,
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void sleep_ms(int ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000L};

	nanosleep(&ts, NULL);
}

/* Until then, with the gate shut. 0, -EAGAIN, or why there is no lock. */
static int try_until(int dirfd, int64_t until)
{
	int rc;

	while ((rc = lock(dirfd, LOCK_EX | LOCK_NB)) == -EAGAIN && now_ms() < until)
		sleep_ms(POLL_MS);
	return rc;
}

int repo_lock_alone(int dirfd, const struct cfs_repo_collect_opts *opts,
		    struct cfs_err *err)
{
	cfs_autofd int gate = open_gate(dirfd, true);
	int64_t end = opts->timeout > 0 ? now_ms() + 1000LL * opts->timeout : INT64_MAX;
	int rc = lock(dirfd, LOCK_EX | LOCK_NB);

	if (rc == -EAGAIN && opts->timeout >= 0 && opts->note)
		opts->note(opts->ctx, CFS_REPO_NOTE_WAITING, "",
			   "others use the repository");
	while (rc == -EAGAIN && opts->timeout >= 0 && now_ms() < end) {
		int64_t until = now_ms() + GATE_MS;

		if (gate >= 0 && lock(gate, LOCK_EX | LOCK_NB) < 0) {
			sleep_ms(POLL_MS); /* another one is before us */
			continue;
		}
		rc = try_until(dirfd, until < end ? until : end);
		if (gate >= 0)
			(void)lock(gate, LOCK_UN);
		if (rc == -EAGAIN)
			sleep_ms(OPEN_MS);
	}
	if (rc == -EAGAIN)
		return cfs_fail(err, EBUSY, "others use the repository");
	errno = -rc;
	return rc < 0 ? cfs_fail_errno(err, "lock") : 0;
}
