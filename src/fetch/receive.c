/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Receives packets with descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "fetch/fetch.h"

enum { FDS_MAX = 253 }; /* SCM_MAX_FD, the limit of the kernel */

/* Counts the descriptors, and closes all but the first. */
static int take_descriptors(struct msghdr *msg, struct cfs_fetch_file *out)
{
	int first = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(c) + i * sizeof(fd), sizeof(fd));
			if (out->n++ == 0)
				first = fd;
			else
				close(fd);
		}
	}
	return first;
}

static void stat_received_file(int fd, struct cfs_fetch_file *out)
{
	int flags = fcntl(fd, F_GETFL);
	struct stat st;

	if (flags < 0 || fstat(fd, &st) < 0)
		return;
	out->is_regular = S_ISREG(st.st_mode);
	out->is_readable = !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY;
	out->n_links = st.st_nlink;
	out->size = (uint64_t)st.st_size;
}

enum { WAIT_MS = 50 }; /* time between two polls of the watch */

/* Returns 1 if a packet can be received. */
static int wait_for_packet(int sock, long long until, const struct cfs_watch *watch,
			   struct cfs_err *err)
{
	struct pollfd p = {.fd = sock, .events = POLLIN};

	for (;;) {
		long long left = until - cfs_lock_get_now_ms();
		int rc = cfs_watch_poll(watch, err);

		if (rc < 0)
			return rc;
		rc = poll(&p, 1, left < 0 ? 0 : left > WAIT_MS ? WAIT_MS : (int)left);
		if (rc > 0)
			return 1;
		if (rc < 0 && errno != EINTR)
			return cfs_fail_errno(err, "poll");
		if (rc == 0 && left <= 0)
			return cfs_fail(err, ETIMEDOUT, "timed out");
	}
}

/* Returns 1 and the descriptor of an answer, 0 at the end, or an error. Descriptors
 * beyond the first, and those of a refused packet, are closed. */
static int receive_packet(struct cfs_fetch_round *r, int sock,
			  struct cfs_fetch_answer *out, int *fd, struct cfs_err *err)
{
	union {
		char buf[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	uint8_t packet[sizeof(*out)];
	struct iovec iov = {packet, sizeof(packet)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control.buf,
			     .msg_controllen = sizeof(control.buf)};
	struct cfs_fetch_file file = {0};
	cfs_autofd int first = -1;
	ssize_t len;
	int rc;

	while ((len = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (len < 0)
		return cfs_fail_errno(err, "receive");
	first = take_descriptors(&msg, &file);
	if (len == 0)
		return 0;
	file.is_truncated = msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC);
	if (first >= 0)
		stat_received_file(first, &file);
	rc = cfs_fetch_decode(r, (struct cfs_span){packet, (size_t)len}, &file, out, err);
	if (rc == 0)
		*fd = cfs_steal_fd(&first);
	return rc < 0 ? rc : 1;
}

int cfs_fetch_receive(struct cfs_fetch_round *r, int sock, long long until,
		      const struct cfs_watch *watch, struct cfs_fetch_answer *out,
		      int *fd, struct cfs_err *err)
{
	int rc = wait_for_packet(sock, until, watch, err);

	*fd = -1;
	return rc < 0 ? rc : receive_packet(r, sock, out, fd, err);
}
