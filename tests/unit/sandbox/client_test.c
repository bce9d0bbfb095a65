/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sandbox/client: what a network client loses, and what it keeps. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/client.h"

#include "t.h"

static const char *const paths[] = {"/usr", "/does/not/exist"};

/* The error of a call in the sandbox; 0: it succeeded. */
static int run_inside(int (*call)(void *ctx), void *ctx)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		struct cfs_err err;

		if (cfs_sandbox_enter_client(paths, 2, &err) < 0)
			_exit(255);
		_exit(call(ctx) < 0 ? errno : 0);
	}
	t_eq(waitpid(pid, &status, 0), pid);
	t_ok(WIFEXITED(status));
	t_ok(WEXITSTATUS(status) != 255);
	return WEXITSTATUS(status);
}

static long landlock_version(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);

	return abi < 0 ? 0 : abi;
}

static void need_landlock(long version)
{
	if (landlock_version() < version)
		t_skip("Landlock: expected version %ld, got %ld", version,
		       landlock_version());
}

/* --- files --------------------------------------------------------------------------- */

static int open_for_reading(void *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}

static int open_for_writing(void *path)
{
	return open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
}

static int read_given(void *fd)
{
	char byte;

	return (int)pread(*(int *)fd, &byte, 1, 0);
}

T(a_client_reads_what_is_below_the_given_paths_alone)
{
	char inside[] = "/usr/bin/env", outside[] = "/etc/passwd", dir[] = "/usr/bin";

	need_landlock(1);
	t_eq(run_inside(open_for_reading, inside), 0);
	t_eq(run_inside(open_for_reading, dir), 0);
	t_eq(run_inside(open_for_reading, outside), EACCES);
}

T(a_client_keeps_its_descriptors)
{
	int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC);

	t_ok(fd >= 0);
	t_eq(run_inside(read_given, &fd), 0);
	close(fd);
}

T(a_client_writes_no_file)
{
	char name[] = "client-new";

	need_landlock(1);
	t_eq(run_inside(open_for_writing, name), EACCES);
	t_eq(access(name, F_OK), -1);
}

/* --- calls --------------------------------------------------------------------------- */

static int execute(void *path)
{
	char *const argv[] = {path, NULL};

	return execv(path, argv);
}

static int trace_parent(void *unused)
{
	(void)unused;
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int make_namespace(void *unused)
{
	(void)unused;
	return unshare(CLONE_NEWUSER);
}

T(a_client_executes_traces_and_enters_nothing)
{
	char program[] = "/usr/bin/env";

	t_eq(run_inside(execute, program), EPERM);
	t_eq(run_inside(trace_parent, NULL), EPERM);
	t_eq(run_inside(make_namespace, NULL), EPERM);
}

static int signal_parent(void *unused)
{
	(void)unused;
	return kill(getppid(), 0);
}

T(a_client_sends_no_signals)
{
	need_landlock(6);
	t_eq(run_inside(signal_parent, NULL), EPERM);
}

static int count_capabilities(void *unused)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];

	(void)unused;
	if (syscall(SYS_capget, &head, data) < 0)
		return -1;
	errno = EEXIST;
	return data[0].effective || data[0].permitted || data[1].effective ||
			       prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1
		       ? -1
		       : 0;
}

T(a_client_has_no_capabilities_and_gets_none)
{
	t_eq(run_inside(count_capabilities, NULL), 0);
}

/* --- the network --------------------------------------------------------------------- */

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
				    .sin_port = htons(port),
				    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

static int connect_to(void *port)
{
	const struct sockaddr_in to = loopback(*(uint16_t *)port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (const struct sockaddr *)&to, sizeof(to));
}

static int listen_on_port(void *unused)
{
	const struct sockaddr_in at = loopback(0);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	(void)unused;
	return bind(fd, (const struct sockaddr *)&at, sizeof(at));
}

T(a_client_connects)
{
	struct sockaddr_in at = loopback(0);
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	uint16_t port;

	t_eq(bind(fd, (struct sockaddr *)&at, len), 0);
	t_eq(listen(fd, 1), 0);
	t_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	port = ntohs(at.sin_port);
	t_eq(run_inside(connect_to, &port), 0);
	close(fd);
}

T(a_client_does_not_listen)
{
	need_landlock(4);
	t_eq(run_inside(listen_on_port, NULL), EACCES);
}

static void *return_null(void *unused)
{
	return unused;
}

static int start_thread(void *unused)
{
	pthread_t thread;

	(void)unused;
	errno = pthread_create(&thread, NULL, return_null, NULL);
	return errno ? -1 : pthread_join(thread, NULL);
}

T(a_client_starts_threads)
{
	t_eq(run_inside(start_thread, NULL), 0);
}
