/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* mount: a filter that refuses system calls as an old kernel does, or kills the process
 * there. */
#include "root/mount_scene.h"

#include <linux/filter.h>
#include <linux/loop.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* Makes a system call fail with errnum (0: kills the process there), if its argument
 * number arg is value. arg < 0: always. */
static void filter(unsigned number, int arg, unsigned value, unsigned errnum)
{
	unsigned action = errnum ? SECCOMP_RET_ERRNO | errnum : SECCOMP_RET_KILL_PROCESS;
	unsigned at =
		offsetof(struct seccomp_data, args) + 8 * (arg < 0 ? 0 : (unsigned)arg);
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
		BPF_JUMP(BPF_JMP | (arg < 0 ? BPF_JA : BPF_JEQ) | BPF_K,
			 arg < 0 ? 0 : value, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		_exit(99);
}

struct refusal {
	unsigned number;
	int arg;
	unsigned value, errnum;
	size_t overlay; /* the first way that is left for the overlay */
};

/* Applies the steps behind a filter, in a child, since a filter cannot be taken off
 * again. Its status: 0, or what went wrong. */
static int apply_filtered(const struct scene *s, const struct cfs_steps *steps,
			  const struct refusal *refusal)
{
	pid_t child = fork();
	int status;

	t_ok(child >= 0);
	if (child == 0) {
		struct cfs_mount_taken taken;
		struct cfs_err err;
		const char *expected = scene_way_from(
			scene_overlay_names, refusal->overlay, scene_usual.overlay);

		filter(refusal->number, refusal->arg, refusal->value, refusal->errnum);
		if (cfs_mount_apply(steps, s->fd, s->mnt, &taken, &err) < 0)
			_exit(fprintf(stderr, "# %s\n", err.msg) < 0 ? 2 : 1);
		_exit(strcmp(taken.overlay, expected) == 0 ? 0 : 3);
	}
	t_eq(waitpid(child, &status, 0), child);
	return status;
}

T(mount_finds_the_way_that_the_kernel_knows)
{
	static const struct refusal rows[] = {
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EBADF, 1},	   /* as 6.12 */
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EOPNOTSUPP, 1}, /* as 6.1 */
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, EINVAL, 1},
	};
	struct cfs_steps steps;
	struct scene s;

	scene_begin(&s);
	scene_steps(&s, &steps);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		t_eq(apply_filtered(&s, &steps, &rows[i]), 0);
		scene_check_tree(&s);
		t_eq(umount2(s.mnt, 0), 0);
		scene_check_nothing_left(&s);
	}
	cfs_steps_fini(&steps);
	scene_end(&s);
}

/* Killed at each system call, in each way: the kernel takes back what was not attached.
 */
T(mount_that_is_killed_leaves_nothing)
{
	static const struct refusal rows[] = {
		{SYS_fsopen, -1, 0, 0, 0},
		{SYS_ioctl, 1, LOOP_CTL_GET_FREE, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_SET_STRING, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_CMD_CREATE, 0, 0},
		{SYS_fsmount, -1, 0, 0, 0},
		{SYS_readahead, -1, 0, 0, 0},
		{SYS_fsconfig, 1, FSCONFIG_SET_FD, 0, 0},
		{SYS_setns, -1, 0, 0, 0},
		{SYS_chroot, -1, 0, 0, 0},
		{SYS_open_tree, -1, 0, 0, 0},
		{SYS_move_mount, 4, MOVE_MOUNT_F_EMPTY_PATH, 0, 0}, /* apart */
		{SYS_move_mount, 4, MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS, 0,
		 0},
	};
	size_t n_killed = 0;
	struct scene s;

	scene_begin(&s);
	for (size_t at = 0; at < 8 * sizeof(rows) / sizeof(rows[0]); at++) {
		struct cfs_steps steps;

		scene_steps_from(&s, at / 4 % 2, at % 4, &steps);
		n_killed += WIFSIGNALED(apply_filtered(&s, &steps, &rows[at / 8]));
		cfs_steps_fini(&steps);
		umount2(s.mnt, 0);
		scene_check_nothing_left(&s);
	}
	scene_end(&s);
	t_ok(n_killed >= 48);
}
