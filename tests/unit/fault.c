/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* Filters that let one system call fail. */
#include "fault.h"

#include <endian.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "t.h"

enum { CANNOT_FILTER = 0x7fff };

static int install(const struct fault *f)
{
	unsigned half = __BYTE_ORDER == __LITTLE_ENDIAN ? 0 : 4;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)f->nr, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (unsigned)offsetof(struct seccomp_data, args) + 8 * f->arg +
				 half),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, f->mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, f->mask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)f->errnum),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -1;
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* The answer comes through a pipe: an exit status is too small for a line number. */
static void child(const struct fault *f, int (*fn)(void), int out)
{
	int rc = f && install(f) < 0 ? CANNOT_FILTER : fn();

	_exit(write(out, &rc, sizeof(rc)) == sizeof(rc) ? 0 : 1);
}

int fault_run(const struct fault *f, int (*fn)(void))
{
	int fds[2], rc = -1;
	pid_t pid;

	t_eq(pipe(fds), 0);
	pid = fork();
	t_ok(pid >= 0);
	if (pid == 0)
		child(f, fn, fds[1]);
	close(fds[1]);
	if (read(fds[0], &rc, sizeof(rc)) != sizeof(rc))
		rc = -1;
	close(fds[0]);
	t_eq(waitpid(pid, NULL, 0), pid);
	if (rc == CANNOT_FILTER)
		t_skip("no seccomp filters here");
	return rc;
}
