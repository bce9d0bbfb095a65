/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* A child process with namespaces of its own, which end with it, and with them all mounts
 * in them. */
#include "doctor/doctor_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>

enum {
	NOBODY = 65534,
	TIME_MAX = 30, /* seconds */
};

static int write_proc_text(const char *path, const char *text)
{
	cfs_autofd int fd = open(path, O_WRONLY | O_CLOEXEC);

	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

static int become_nobody(void)
{
	if (geteuid() != 0)
		return 0;
	if (setgroups(0, NULL) < 0 || setresgid(NOBODY, NOBODY, NOBODY) < 0 ||
	    setresuid(NOBODY, NOBODY, NOBODY) < 0)
		return -errno;
	/* Otherwise /proc/self still belongs to root, and refuses the ID maps. */
	return prctl(PR_SET_DUMPABLE, 1) < 0 ? -errno : 0;
}

/* Becomes an ordinary user with a user namespace, to find out what such users can do
 * here. Runs in a child process. */
static int enter_user_namespace(void)
{
	char uid_map[64], gid_map[64];
	int rc = become_nobody();

	if (rc < 0)
		return rc;
	snprintf(uid_map, sizeof(uid_map), "0 %u 1\n", geteuid());
	snprintf(gid_map, sizeof(gid_map), "0 %u 1\n", getegid());
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return -errno;
	rc = write_proc_text("/proc/self/setgroups", "deny");
	if (rc == 0)
		rc = write_proc_text("/proc/self/uid_map", uid_map);
	if (rc == 0)
		rc = write_proc_text("/proc/self/gid_map", gid_map);
	return rc;
}

static int enter_namespace(enum doctor_child kind)
{
	struct cfs_err err;

	return kind == DOCTOR_NOBODY ? enter_user_namespace() : cfs_namespace_enter(&err);
}

int doctor_run_child(struct doctor *d, enum doctor_child kind,
		     void (*fn)(struct doctor *d))
{
	pid_t pid = fork();
	int status = 0, rc;

	if (pid < 0)
		return -errno;
	if (pid == 0) {
		alarm(TIME_MAX);
		rc = enter_namespace(kind);
		if (rc == 0)
			fn(d);
		_exit(-rc);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -ETIMEDOUT;
}
