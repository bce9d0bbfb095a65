/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
#include "sandbox/client.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox/sandbox_priv.h"

/* --- Landlock ------------------------------------------------------------------------ */

/* Lets the process read a file, or a directory and what is below. */
static int allow_reading(int ruleset, const char *path, struct cfs_err *err)
{
	struct landlock_path_beneath_attr rule = {.allowed_access =
							  LANDLOCK_ACCESS_FS_READ_FILE};
	cfs_autofd int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR || errno == EACCES
			       ? 0
			       : cfs_fail_errno(err, "sandbox: %s", path);
	if (fstat(fd, &st) < 0)
		return cfs_fail_errno(err, "sandbox: %s", path);
	if (S_ISDIR(st.st_mode))
		rule.allowed_access |= LANDLOCK_ACCESS_FS_READ_DIR;
	rule.parent_fd = fd;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule,
		    0) < 0)
		return cfs_fail_errno(err, "sandbox: Landlock rule for %s", path);
	return 0;
}

static int restrict_files(const char *const *paths, size_t n, struct cfs_err *err)
{
	cfs_autofd int ruleset = sandbox_make_ruleset(SANDBOX_CONNECT_TCP, err);
	int rc = ruleset < 0 && ruleset != -ENOTSUP ? ruleset : 0;

	if (ruleset < 0)
		return rc;
	for (size_t i = 0; rc == 0 && i < n; i++)
		rc = allow_reading(ruleset, paths[i], err);
	if (rc == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
		rc = cfs_fail_errno(err, "sandbox: Landlock");
	return rc;
}

/* --- seccomp ------------------------------------------------------------------------- */

/* A list of what is forbidden, because libraries that resolve names and encrypt need other
 * calls with each version. None of these is among them. */
static const int forbidden[] = {
	SYS_execve,
	SYS_execveat,
	SYS_ptrace,
	SYS_process_vm_readv,
	SYS_process_vm_writev,
	SYS_pidfd_open,
	SYS_pidfd_getfd,
	SYS_pidfd_send_signal,
	SYS_kcmp,
	SYS_mount,
	SYS_umount2,
	SYS_pivot_root,
	SYS_chroot,
	SYS_open_tree,
	SYS_move_mount,
	SYS_fsopen,
	SYS_fsconfig,
	SYS_fsmount,
	SYS_fspick,
	SYS_unshare,
	SYS_setns,
	SYS_open_by_handle_at,
	SYS_name_to_handle_at,
	SYS_bpf,
	SYS_perf_event_open,
	SYS_userfaultfd,
	SYS_io_uring_setup,
	SYS_io_uring_enter,
	SYS_io_uring_register,
	SYS_keyctl,
	SYS_add_key,
	SYS_request_key,
	SYS_init_module,
	SYS_finit_module,
	SYS_delete_module,
	SYS_kexec_load,
	SYS_reboot,
	SYS_swapon,
	SYS_swapoff,
	SYS_acct,
	SYS_quotactl,
	SYS_fanotify_init,
};

enum { N_FORBIDDEN = sizeof(forbidden) / sizeof(forbidden[0]) };

/* The numbers of the x32 interface of x86_64 have this bit; elsewhere no call has. */
#define OTHER_INTERFACE 0x40000000u

static int install_client_filter(struct cfs_err *err)
{
	struct sock_filter code[SANDBOX_HEAD_LEN + 2 + 2 * N_FORBIDDEN + 1];
	struct sock_fprog prog = {.filter = code};
	size_t n;

	if (sandbox_audit_arch == 0)
		return 0;
	n = sandbox_put_head(code);
	code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K,
						 OTHER_INTERFACE, 0, 1);
	code[n++] =
		(struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	for (size_t i = 0; i < N_FORBIDDEN; i++) {
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K,
							 (uint32_t)forbidden[i], 0, 1);
		code[n++] = (struct sock_filter)BPF_STMT(
			BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)EPERM);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	prog.len = (unsigned short)n;
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) == 0 || errno == EINVAL ||
	    errno == ENOSYS)
		return 0;
	return cfs_fail_errno(err, "sandbox: seccomp filter");
}

int cfs_sandbox_enter_client(const char *const *paths, size_t n_paths,
			     struct cfs_err *err)
{
	int rc = sandbox_drop_privileges(err);

	if (rc == 0)
		rc = restrict_files(paths, n_paths, err);
	return rc == 0 ? install_client_filter(err) : rc;
}
