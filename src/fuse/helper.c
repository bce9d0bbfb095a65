/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* FUSE mounts by fusermount3, a setuid program of libfuse. It opens /dev/fuse, mounts, and sends the
 * descriptor over the socket whose number is in _FUSE_COMMFD. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include "fuse/mount.h"
#include "mount/mount.h"

#define HELPER "fusermount3"

enum { OPTIONS_MAX = 1024 };

/* A comma separates options, and a backslash makes it literal. */
static char *put_helper_option(char *to, const char *end, const char *from)
{
	for (; *from && to + 2 < end; from++) {
		if (*from == ',' || *from == '\\')
			*to++ = '\\';
		*to++ = *from;
	}
	return *from ? NULL : to;
}

/* The options of fusermount3(1). The source comes last and is escaped, because a comma
 * in it would begin another option. */
static int format_options(const struct cfs_fuse_mount_opts *o, char out[OPTIONS_MAX],
			  struct cfs_err *err)
{
	static const struct {
		uint64_t attr;
		const char *name;
	} attrs[] = {{MOUNT_ATTR_NOEXEC, ",noexec"}, {MOUNT_ATTR_NOATIME, ",noatime"}};
	char *at = stpcpy(out, "ro,nosuid,nodev,default_permissions,subtype=composefs");

	if (o->allow_other)
		at = stpcpy(at, ",allow_other");
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		if (o->attr & attrs[i].attr)
			at = stpcpy(at, attrs[i].name);
	at = stpcpy(at, ",fsname=");
	at = put_helper_option(at, out + OPTIONS_MAX - 1,
			       o->source ? o->source : "composefs");
	if (!at)
		return cfs_fail(err, ENAMETOOLONG, "fuse: the source is too long");
	*at = '\0';
	return 0;
}

/* Receives the descriptor. The helper closes the socket without it when it fails. */
static int receive_device(int socket, struct cfs_err *err)
{
	char byte, control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {&byte, 1};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	const struct cmsghdr *head;
	ssize_t n;
	int fd;

	while ((n = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR)
		;
	if (n < 0)
		return cfs_fail_errno(err, HELPER);
	head = n ? CMSG_FIRSTHDR(&msg) : NULL;
	if (!head || head->cmsg_level != SOL_SOCKET || head->cmsg_type != SCM_RIGHTS ||
	    head->cmsg_len != CMSG_LEN(sizeof(int)))
		return cfs_fail(err, EPERM, HELPER " did not mount");
	memcpy(&fd, CMSG_DATA(head), sizeof(fd));
	return fd;
}

/* Runs the helper with one end of the socket, and receives from the other. */
static int run_helper(const char *const *argv, int ends[2], struct cfs_err *err)
{
	cfs_autofd int dev = -1;
	pid_t pid;
	int rc;

	if (setenv("_FUSE_COMMFD", "3", 1) < 0)
		return cfs_fail_errno(err, "_FUSE_COMMFD");
	rc = cfs_child_start_with(argv, STDIN_FILENO, STDOUT_FILENO, ends[1], &pid, err);
	close(cfs_steal_fd(&ends[1]));
	if (rc == -ENOENT)
		return cfs_fail(err, ENOENT,
				HELPER ": not found; users other than root need it to "
				       "mount (package fuse3)");
	if (rc < 0)
		return rc;
	dev = receive_device(ends[0], err);
	rc = cfs_child_wait(pid, HELPER, NULL, dev < 0 ? NULL : err);
	if (dev < 0)
		return dev;
	return rc < 0 ? rc : cfs_steal_fd(&dev);
}

int cfs_fuse_mount_by_helper(const struct cfs_fuse_mount_opts *o, const char *mountpoint,
			     struct cfs_err *err)
{
	char options[OPTIONS_MAX];
	const char *argv[] = {HELPER, "-o", options, "--", mountpoint, NULL};
	int ends[2], rc = format_options(o, options, err);

	if (rc < 0)
		return rc;
	/* The helper opens it as the user who calls it, and its own message would be a
	 * second one. */
	if (access("/dev/fuse", R_OK | W_OK) < 0)
		return cfs_fail_errno(err, "/dev/fuse");
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return cfs_fail_errno(err, "socketpair");
	rc = run_helper(argv, ends, err);
	for (int i = 0; i < 2; i++)
		if (ends[i] >= 0)
			close(ends[i]);
	return rc;
}

int cfs_fuse_unmount(const char *mountpoint, int flags, struct cfs_err *err)
{
	const char *lazy[] = {HELPER, "-u", "-z", "-q", "--", mountpoint, NULL};
	const char *now[] = {HELPER, "-u", "--", mountpoint, NULL};
	const char *const *argv = flags & MNT_DETACH ? lazy : now;
	pid_t pid;
	int rc;

	if (umount2(mountpoint, UMOUNT_NOFOLLOW | flags) == 0)
		return 0;
	if (errno != EPERM)
		return cfs_fail_errno(err, "%s", mountpoint);
	rc = cfs_child_start(argv, STDIN_FILENO, STDOUT_FILENO, &pid, err);
	return rc < 0 ? rc : cfs_child_wait(pid, HELPER, NULL, err);
}
