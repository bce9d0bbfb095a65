/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Wait for a lock by repeated attempts. A signal or timer that interrupts flock() or
 * fcntl() would belong to the program, not to a library. */
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

#include "base/hex.h"
#include "base/input.h"
#include "base/io.h"
#include "base/mem.h"

/* --- find the holder of a lock ----------------------------------------------------- */

enum { PROC_MAX = 16 << 20 }; /* bytes of a file of /proc */

/* One line of /proc/locks. */
struct holder {
	int pid;
	unsigned major, minor;
	uint64_t ino;
};

/* Returns the rest of a line behind ": FLOCK " or ": POSIX ", or NULL. */
static const char *skip_kind(const char *line)
{
	static const char *const kinds[] = {": FLOCK ", ": POSIX "};
	const char *at = line + strcspn(line, ":");

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(at, kinds[i], strlen(kinds[i])) == 0)
			return at + strlen(kinds[i]);
	return NULL;
}

/* Parses "7: FLOCK  ADVISORY  WRITE 1234 fe:01:5678 0 EOF". Processes that wait have "->"
 * after the number. The owner of an OFDLCK is unknown: its number is -1. */
static bool parse_lock_line(const char *line, struct holder *out)
{
	uint64_t pid, major, minor;
	const char *at = skip_kind(line);

	if (!at)
		return false;
	for (int word = 0; word < 2; word++) { /* ADVISORY WRITE */
		at += strspn(at, " ");
		at += strcspn(at, " ");
	}
	at += strspn(at, " ");
	if (!cfs_take_number(&at, 10, ' ', &pid) ||
	    !cfs_take_number(&at, 16, ':', &major) ||
	    !cfs_take_number(&at, 16, ':', &minor) ||
	    !cfs_take_number(&at, 10, ' ', &out->ino))
		return false;
	out->pid = (int)pid;
	out->major = (unsigned)major;
	out->minor = (unsigned)minor;
	return true;
}

/* Reads a file of /proc as a string; NULL: it cannot be read. stdio and sscanf would add
 * 15 KB to small static programs. */
static char *read_proc(const char *path)
{
	struct cfs_mem mem = {0};

	if (cfs_input_read(AT_FDCWD, path, 0, PROC_MAX, &mem, NULL) < 0 ||
	    cfs_grow(&mem.p, &mem.cap, mem.len + 1, 1) < 0) {
		free(mem.p);
		return NULL;
	}
	mem.p[mem.len] = '\0';
	return (char *)mem.p;
}

/* Cuts the next line off; NULL: there is none. */
static char *cut_line(char **at)
{
	char *line = *at, *end = line ? strchr(line, '\n') : NULL;

	*at = end ? end + 1 : NULL;
	if (end)
		*end = '\0';
	return line;
}

/* On btrfs and overlayfs, /proc/locks has another device number than stat(). Then only
 * the inode number is compared. */
static int find_holder(const struct stat *st)
{
	cfs_autofree char *text = read_proc("/proc/locks");
	char *at = text, *line;
	int pid = 0, own = 0;

	while ((line = cut_line(&at))) {
		struct holder h;

		if (!parse_lock_line(line, &h) || h.ino != st->st_ino)
			continue;
		/* This process may hold a lock of the other kind, which is not waited for. */
		if (h.pid == getpid()) {
			own = h.pid;
			continue;
		}
		if (h.major == major(st->st_dev) && h.minor == minor(st->st_dev))
			return h.pid;
		if (pid == 0)
			pid = h.pid;
	}
	return pid ? pid : own;
}

/* Finds the first line of /proc/PID/status that begins with key. */
static bool read_status(int pid, const char *key, char *out, size_t len)
{
	cfs_autofree char *text = NULL;
	char path[64], *at, *line;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	at = text = read_proc(path);
	while ((line = cut_line(&at))) {
		if (strncmp(line, key, strlen(key)) != 0)
			continue;
		snprintf(out, len, "%s", line + strlen(key));
		return true;
	}
	return false;
}

const char *cfs_lock_describe_holder(int fd, char buf[CFS_LOCK_HOLDER_MAX])
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

long long cfs_lock_get_now_ms(void)
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

enum { SHARED_RECORD = -1 }; /* instead of LOCK_SH or LOCK_EX */

static int try_once(int fd, int how)
{
	struct flock all = {.l_type = F_RDLCK, .l_whence = SEEK_SET};

	return how == SHARED_RECORD ? fcntl(fd, F_OFD_SETLK, &all)
				    : flock(fd, how | LOCK_NB);
}

static int try_flock(int fd, int how)
{
	while (try_once(fd, how) < 0)
		if (errno != EINTR)
			return errno == EACCES ? -EAGAIN : -errno;
	return 0;
}

/* Tries until the time end. Calls wait->note once on the way. */
static int wait_for_lock(int fd, int how, const struct cfs_lock_wait *wait, long long end)
{
	long long note_at =
		wait->note ? cfs_lock_get_now_ms() + CFS_LOCK_NOTE_MS : LLONG_MAX;
	char holder[CFS_LOCK_HOLDER_MAX];
	int rc;

	while ((rc = try_flock(fd, how)) == -EAGAIN && cfs_lock_get_now_ms() < end) {
		if (cfs_watch_is_cancelled(wait->watch))
			return -ECANCELED;
		cfs_lock_sleep_ms(CFS_LOCK_POLL_MS);
		if (cfs_lock_get_now_ms() >= note_at) {
			wait->note(wait->ctx, cfs_lock_describe_holder(fd, holder));
			note_at = LLONG_MAX;
		}
	}
	return rc;
}

int cfs_lock_take(int fd, int how, const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	static const struct cfs_lock_wait patient;
	long long now = cfs_lock_get_now_ms();
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
		return cfs_fail(err, EBUSY, "locked by %s",
				cfs_lock_describe_holder(fd, holder));
	errno = -rc;
	return rc < 0 ? cfs_fail_errno(err, "lock") : 0;
}

int cfs_lock_take_record(int fd, const struct cfs_lock_wait *wait, struct cfs_err *err)
{
	return cfs_lock_take(fd, SHARED_RECORD, wait, err);
}
