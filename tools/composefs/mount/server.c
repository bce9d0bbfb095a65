/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The counters and the log of the servers of mounts. */
#include "composefs/mount/server.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"

static const char place[] = "/run/composefs/servers";

static int open_place(void)
{
	int fd = open(place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && (fstat(fd, &st) < 0 || st.st_uid != 0 || st.st_mode & 022)) {
		close(fd);
		return -1;
	}
	return fd;
}

int server_make_counts(char name[CFS_MOUNT_RECORD_WORD], int *fd)
{
	struct timespec now;
	int dir;

	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(name, CFS_MOUNT_RECORD_WORD, "%ld-%lx", (long)getpid(),
		 (unsigned long)now.tv_nsec);
	(void)mkdir("/run/composefs", 0755);
	(void)mkdir(place, 0755);
	dir = open_place();
	*fd = dir < 0 ? -1
		      : openat(dir, name,
			       O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (*fd < 0)
		name[0] = '\0';
	return dir;
}

bool server_read_counts(const char *name, struct cfs_trigger_counts *out)
{
	char text[CFS_TRIGGER_STATE_MAX];
	cfs_autofd int dir = -1, fd = -1;
	struct stat st;
	ssize_t n;

	if (!*name || strchr(name, '/'))
		return false;
	dir = open_place();
	if (dir >= 0)
		fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_uid != 0)
		return false;
	n = cfs_io_read(fd, text, sizeof(text), NULL);
	return n > 0 && cfs_trigger_state_parse((struct cfs_text){text, (size_t)n}, out,
						NULL) == 0;
}

void server_format_counts(const struct cfs_trigger_counts *c, char out[SERVER_TEXT_MAX])
{
	int len = snprintf(out, SERVER_TEXT_MAX,
			   "%" PRIu64 " verified, %" PRIu64 " damaged", c->n_verified,
			   c->n_damaged);

	if (c->n_fetched || c->n_not_fetched)
		snprintf(out + len, SERVER_TEXT_MAX - (size_t)len,
			 ", %" PRIu64 " fetched, %" PRIu64 " attempts to fetch failed",
			 c->n_fetched, c->n_not_fetched);
}

void server_put_counts(struct json *j, const char *name)
{
	struct cfs_trigger_counts c;

	if (!server_read_counts(name, &c)) {
		json_put_null(j, "counters");
		return;
	}
	json_begin_object(j, "counters");
	json_put_uint(j, "verified", c.n_verified);
	json_put_uint(j, "verified_bytes", c.verified_bytes);
	json_put_uint(j, "damaged", c.n_damaged);
	json_put_uint(j, "fetched", c.n_fetched);
	json_put_uint(j, "not_fetched", c.n_not_fetched);
	json_end(j);
}

int server_open_log(void)
{
	openlog("composefs", LOG_PID, LOG_DAEMON);
	return open("/dev/kmsg", O_WRONLY | O_APPEND | O_NOCTTY | O_CLOEXEC);
}

void server_write_log(void *ctx, const char *line)
{
	const int *kmsg = ctx;
	char record[1024];
	int len = snprintf(record, sizeof(record), "<%d>composefs[%ld]: %s\n",
			   LOG_DAEMON | LOG_ERR, (long)getpid(), line);

	if (*kmsg >= 0 && len < (int)sizeof(record) &&
	    write(*kmsg, record, (size_t)len) == len)
		return;
	syslog(LOG_DAEMON | LOG_ERR, "%s", line);
}
