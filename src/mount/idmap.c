/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The text of an ID mapping -> a user namespace. */
#include "mount/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

struct mapping {
	uint32_t id, host, count;
};

/* The value UINT32_MAX is no ID: chown(2) takes it as "unchanged". */
static int parse_mapping(const char *text, struct mapping *out, struct cfs_err *err)
{
	uint64_t v[3] = {0};
	size_t n = 0, digits = 0;

	for (; *text; text++) {
		if (*text == ':' && digits && n < 2) {
			n++;
			digits = 0;
			continue;
		}
		if (*text < '0' || *text > '9' || ++digits > 10)
			break;
		v[n] = 10 * v[n] + (uint64_t)(*text - '0');
	}
	if (*text || n != 2 || !digits || !v[2] || v[0] + v[2] > UINT32_MAX ||
	    v[1] + v[2] > UINT32_MAX)
		return cfs_fail(err, EINVAL,
				"idmap: expected the file of a user namespace or "
				"ID:HOST:COUNT, three numbers of 32 bits");
	*out = (struct mapping){(uint32_t)v[0], (uint32_t)v[1], (uint32_t)v[2]};
	return 0;
}

/* A namespace lives as long as a process in it or a descriptor of it: the child waits until
 * it is killed, which the kernel does if the parent ends early. */
static void hold_namespace(const int ends[2])
{
	int ready = ends[1], rc;

	close(ends[0]); /* so that writing fails if the parent ended before prctl(2) */
	rc = prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || unshare(CLONE_NEWUSER) < 0 ? errno
										: 0;

	if (write(ready, &rc, sizeof(rc)) == sizeof(rc) && rc == 0)
		for (;;)
			pause();
	_exit(1);
}

/* Starts a process that holds a new user namespace, because the mapping of a namespace
 * is written from outside. */
static int start_holder(pid_t *pid, struct cfs_err *err)
{
	int ends[2], rc = EIO;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "pipe");
	*pid = fork();
	if (*pid == 0)
		hold_namespace(ends);
	if (*pid < 0)
		rc = errno;
	close(ends[1]);
	if (*pid > 0 && read(ends[0], &rc, sizeof(rc)) != sizeof(rc))
		rc = EIO;
	close(ends[0]);
	errno = rc;
	return rc ? cfs_fail_errno(err, "idmap: new user namespace") : 0;
}

/* Writes the mapping of one kind of IDs. The kernel accepts it once, in one write. */
static int write_map(pid_t pid, const char *name, const struct mapping *m,
		     struct cfs_err *err)
{
	char path[64], text[64];
	int len = snprintf(text, sizeof(text), "%u %u %u\n", m->id, m->host, m->count);
	cfs_autofd int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, (size_t)len) != len)
		return cfs_fail_errno(err, "idmap: map %u to %u, %u IDs: %s", m->id,
				      m->host, m->count, name);
	return 0;
}

static int open_namespace(pid_t pid, const struct mapping *m, struct cfs_err *err)
{
	char path[64];
	int rc = write_map(pid, "uid_map", m, err), fd;

	if (rc == 0)
		rc = write_map(pid, "gid_map", m, err);
	if (rc < 0)
		return rc;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? cfs_fail_errno(err, "idmap: %s", path) : fd;
}

static void stop_holder(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int make_namespace(const struct mapping *m, struct cfs_err *err)
{
	pid_t pid = -1;
	int rc = start_holder(&pid, err);

	if (rc == 0)
		rc = open_namespace(pid, m, err);
	stop_holder(pid);
	return rc;
}

int cfs_idmap_open(const char *text, struct cfs_err *err)
{
	struct mapping m;
	int rc;

	if (strchr(text, '/')) {
		rc = cfs_input_open(AT_FDCWD, text, 0, err);
		return cfs_context(err, rc, "idmap: user namespace %s", text);
	}
	rc = parse_mapping(text, &m, err);
	return rc < 0 ? rc : make_namespace(&m, err);
}
