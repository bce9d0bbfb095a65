/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Records of the kernel log. The input is a log, read at once, and in pieces whose length its first byte
 * gives. */
#include "fuzz.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "damage/damage.h"

enum { INPUT_MAX = 32768, PIECES_MAX = 64 }; /* fits into the buffer of a socket */

static int open_copy(const uint8_t *data, size_t len)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	fuzz_hold(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	fuzz_hold(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static struct cfs_damage_log log_of(int fd)
{
	return (struct cfs_damage_log){.fd = fd,
				       .buf = malloc(2 * CFS_DAMAGE_RECORD_MAX)};
}

static void check_list(const struct cfs_damage_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		fuzz_hold(memchr(list->v[i].device, '\0', CFS_DAMAGE_DEVICE_MAX));
		fuzz_hold(list->v[i].device[0]);
		fuzz_hold(i == 0 || list->v[i - 1].inode <= list->v[i].inode);
	}
}

/* A packet for each read. */
static size_t count_in_pieces(const uint8_t *data, size_t len, size_t piece)
{
	struct cfs_damage_log log;
	struct cfs_damage d;
	struct cfs_err err;
	size_t n = 0;
	int fds[2];

	fuzz_hold(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) == 0);
	log = log_of(fds[0]);
	for (size_t at = 0; at < len; at += piece) {
		size_t now = len - at < piece ? len - at : piece;

		fuzz_hold(write(fds[1], data + at, now) == (ssize_t)now);
	}
	close(fds[1]);
	while (cfs_damage_log_next(&log, &d, &err) > 0)
		n++;
	cfs_damage_log_close(&log);
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct cfs_damage_list list = {0};
	struct cfs_damage_log log;
	struct cfs_err err;

	if (len > INPUT_MAX)
		return 0;
	log = log_of(open_copy(data, len));
	fuzz_hold(cfs_damage_log_read(&log, &list, &err) == 0);
	cfs_damage_log_close(&log);
	check_list(&list);
	fuzz_hold(count_in_pieces(data, len, len / PIECES_MAX + 1 + (len ? *data : 0)) ==
		  list.n);
	free(list.v);
	return 0;
}
