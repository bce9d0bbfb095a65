/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Wait for a lock by trying again and again. A signal or timer that interrupts flock()
 * would belong to the program, not to a library. */
#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "base/io.h"

/* --- find the holder of a lock ----------------------------------------------------- */

/* One line of /proc/locks. */
struct holder {
	int pid;
	unsigned major, minor;
	unsigned long long ino;
};

/* Parses a number and the character after it. *text moves past both. */
static bool take_number(const char **text, int base, char end, unsigned long long *out)
{
	char *rest;

	*out = strtoull(*text, &rest, base);
	if (rest == *text || *rest != end)
		return false;
	*text = rest + 1;
	return true;
}

/* Parses "7: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF". Processes that wait have "->"
 * after the number. Does not use sscanf, which adds 12 KiB to small static programs. */
static bool parse_line(const char *line, struct holder *out)
{
	unsigned long long pid, major, minor;
	const char *at = strstr(line, ": FLOCK ");

	if (!at)
		return false;
	at += strlen(": FLOCK ");
	for (int word = 0; word < 2; word++) { /* ADVISORY WRITE */
		at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	if (!take_number(&at, 10, ' ', &pid) || !take_number(&at, 16, ':', &major) ||
	    !take_number(&at, 16, ':', &minor) || !take_number(&at, 10, ' ', &out->ino))
		return false;
	out->pid = (int)pid;
	out->major = (unsigned)major;
	out->minor = (unsigned)minor;
	return true;
}

/* On btrfs and overlayfs, /proc/locks has another device number than stat(). Then only
 * the inode number is compared. */
static int find_holder(const struct stat *st)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256];
	int pid = 0;

	while (f && fgets(line, sizeof(line), f)) {
		struct holder h;

		if (!parse_line(line, &h) || h.ino != st->st_ino)
			continue;
		if (h.major == major(st->st_dev) && h.minor == minor(st->st_dev)) {
			pid = h.pid;
			break;
		}
		if (pid == 0)
			pid = h.pid;
	}
	if (f)
		fclose(f);
	return pid;
}

/* Finds the first line of /proc/PID/status that begins with key. */
static bool read_status(int pid, const char *key, char *out, size_t len)
{
	char path[64], line[256];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f)) {
		found = strncmp(line, key, strlen(key)) == 0;
		if (found) {
			line[strcspn(line, "\n")] = '\0';
			snprintf(out, len, "%s", line + strlen(key));
		}
	}
	if (f)
		fclose(f);
	return found;
}

const char *cfs_lock_holder(int fd, char buf[CFS_LOCK_HOLDER_MAX])
{
	char name[64], ids[64];
	struct stat st;
	int pid = fstat(fd, &st) < 0 ? 0 : find_holder(&st);

	if (pid <= 0)
		snprintf(buf, CFS_LOCK_HOLDER_MAX, "an unknown process");
	else if (read_status(pid, "Name:\t", name, sizeof(name)) &&
		 read_status(pid, "Uid:\t", ids, sizeof(ids)))
		snprintf(buf, CFS_LOCK_HOLDER_MAX, "process %d (%s) of user %.*s", pid,
			 name, (int)strspn(ids, "0123456789"), ids);
	else
		snprintf(buf, CFS_LOCK_HOLDER_MAX,
			 "a process that process %d left behind", pid);
	return buf;
}

/* --- waiting ----------------------------------------------------------------------------- */

long long cfs_lock_now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

void cfs_lock_sleep_ms(int ms)
{
	struct timespec ts = {.tv_nsec = ms * 1000000L};

	nanosleep(&ts, NULL);
}

static int try_lock(int fd, int how)
{
	while (flock(fd, how | LOCK_NB) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* Tries until the time end. Calls wait->note once on the way. */
static int wait_for_lock(int fd, int how, const struct cfs_lock_wait *wait, long long end)
{
	long long note_at = wait->note ? cfs_lock_now_ms() + CFS_LOCK_NOTE_MS : LLONG_MAX;
	char holder[CFS_LOCK_HOLDER_MAX];
	int rc;

	while ((rc = try_lock(fd, how)) == -EAGAIN && cfs_lock_now_ms() < end) {
		if (cfs_watch_is_cancelled(wait->watch))
			return -ECANCELED;
		cfs_lock_sleep_ms(CFS_LOCK_POLL_MS);
		if (cfs_lock_now_ms() >= note_at) {
			wait->note(wait->ctx, cfs_lock_holder(fd, holder));
			note_at = LLONG_MAX;
		}
	}
	return rc;
}

int cfs_lock_take(int fd, int how, const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	static const struct cfs_lock_wait patient;
	long long now = cfs_lock_now_ms();
	char holder[CFS_LOCK_HOLDER_MAX];
	int rc;

	if (!wait)
		wait = &patient;
	rc = wait_for_lock(fd, how, wait,
			   wait->timeout_ms > 0	  ? now + wait->timeout_ms
			   : wait->timeout_ms < 0 ? now
						  : LLONG_MAX);
	if (rc == -ECANCELED)
		return cfs_watch_poll(wait->watch, err);
	if (rc == -EAGAIN)
		return cfs_fail(err, EBUSY, "locked by %s", cfs_lock_holder(fd, holder));
	errno = -rc;
	return rc < 0 ? cfs_fail_errno(err, "lock") : 0;
}
