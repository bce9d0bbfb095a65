/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The seccomp filter. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "sandbox/sandbox_priv.h"

enum {
	NO_ARG = -1,
	ROW_LEN_MAX = 5, /* instructions */
};

/* The permitted system calls. With arg: only if none of the bits of mask is set in that
 * argument. With errnum: the call fails, but does not kill the process. */
static const struct row {
	int nr;
	int arg;
	uint32_t mask;
	int errnum;
} rows[] = {
	{SYS_write, NO_ARG, 0, 0},
	{SYS_exit_group, NO_ARG, 0, 0},
	{SYS_exit, NO_ARG, 0, 0},
	{SYS_brk, NO_ARG, 0, 0},
	{SYS_mmap, 2, PROT_EXEC, 0},
	{SYS_mprotect, 2, PROT_EXEC, 0},
	{SYS_munmap, NO_ARG, 0, 0},
	{SYS_mremap, NO_ARG, 0, 0},
	{SYS_madvise, NO_ARG, 0, 0},
	{SYS_getrandom, NO_ARG, 0, 0},
	/* qsort of glibc asks for the size of memory, and copes with a failure. */
	{SYS_sysinfo, NO_ARG, 0, ENOSYS},
};

enum { N_ROWS = sizeof(rows) / sizeof(rows[0]) };

/* The low half of an argument: all masks fit into it. */
static uint32_t arg_off(int arg)
{
	uint32_t half = __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? 0 : 4;

	return (uint32_t)offsetof(struct seccomp_data, args) + 8 * (uint32_t)arg + half;
}

/* Appends the instructions for one system call. A forbidden bit in an argument, as
 * PROT_EXEC, ends the process. Returns their number. */
static size_t put_filter_row(struct sock_filter *to, const struct row *row)
{
	uint32_t nr = (uint32_t)row->nr;
	uint32_t result = SECCOMP_RET_ALLOW;

	if (row->errnum)
		result = SECCOMP_RET_ERRNO | (uint32_t)row->errnum;
	if (row->arg == NO_ARG) {
		to[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1);
		to[1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result);
		return 2;
	}
	to[0] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 4);
	to[1] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arg_off(row->arg));
	to[2] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, row->mask, 0, 1);
	to[3] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	to[4] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, result);
	return 5;
}

/* Refuses other architectures (a 32-bit call from a 64-bit process), where the numbers
 * mean other calls. */
size_t sandbox_put_head(struct sock_filter *to)
{
	to[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, arch));
	to[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
					     sandbox_audit_arch, 1, 0);
	to[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	to[3] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					     offsetof(struct seccomp_data, nr));
	return SANDBOX_HEAD_LEN;
}

int sandbox_install_filter(struct cfs_err *err)
{
	struct sock_filter code[SANDBOX_HEAD_LEN + N_ROWS * ROW_LEN_MAX + 1];
	struct sock_fprog prog = {.filter = code};
	size_t n;

	if (sandbox_audit_arch == 0)
		return cfs_fail(err, ENOTSUP,
				"sandbox: unsupported architecture: expected x86_64 or "
				"aarch64");
	n = sandbox_put_head(code);
	for (size_t i = 0; i < N_ROWS; i++)
		n += put_filter_row(code + n, &rows[i]);
	code[n++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	prog.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS)
		return cfs_fail(err, ENOTSUP,
				"sandbox: this kernel has no seccomp filters");
	return cfs_fail_errno(err, "sandbox: seccomp filter");
}
