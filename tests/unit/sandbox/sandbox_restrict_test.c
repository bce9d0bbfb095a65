/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sandbox: each restriction holds, and what it denies would succeed without it. */
#include "t.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox/sandbox_priv.h"

enum { MIB = 1 << 20 };

static const struct cfs_sandbox_opts opts = {
	.memory_len = 64 * MIB, .answer_max = MIB, .cpu_s = 2, .wall_s = 10};

/* --- What a hostile function would like to do: 0 when it could ------------------------ */

static int open_a_file(void)
{
	return open("/", O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
}

static int open_a_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) < 0 ? errno : 0;
}

static int execute(void)
{
	char *const argv[] = {(char[]){"/proc/self/exe"}, (char[]){"no such test"}, NULL};

	execv(argv[0], argv);
	return errno;
}

static int map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	return p == MAP_FAILED ? errno : 0;
}

static int make_memory_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);

	return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) < 0 ? errno
									       : 0;
}

static int trace(void)
{
	return ptrace(PTRACE_TRACEME, 0, NULL, NULL) < 0 ? errno : 0;
}

static int signal_the_parent(void)
{
	return kill(getppid(), 0) < 0 ? errno : 0;
}

static int fork_once(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int raise_a_limit(void)
{
	struct rlimit limit = {0, 0};

	return setrlimit(RLIMIT_CORE, &limit) < 0 ? errno : 0;
}

static int read_a_descriptor(void)
{
	char byte;
	int fd = dup(0);

	return fd < 0 || read(fd, &byte, 0) < 0 ? errno : 0;
}

static int change_directory(void)
{
	return chdir("/") < 0 ? errno : 0;
}

static int share_the_kernel(void)
{
	return syscall(SYS_io_uring_setup, 1, NULL) < 0 && errno != EFAULT ? errno : 0;
}

static const struct deed {
	const char *name;
	int (*try)(void);
} deeds[] = {
	{"open", open_a_file},
	{"socket", open_a_socket},
	{"execve", execute},
	{"mmap PROT_EXEC", map_code},
	{"mprotect PROT_EXEC", make_memory_code},
	{"ptrace", trace},
	{"kill", signal_the_parent},
	{"fork", fork_once},
	{"setrlimit", raise_a_limit},
	{"dup", read_a_descriptor},
	{"chdir", change_directory},
	{"io_uring", share_the_kernel},
};

enum { N_DEEDS = sizeof(deeds) / sizeof(deeds[0]) };

/* Status of a child that applies a restriction and tries; 255: the restriction could not be applied. */
static int try_restricted(int (*restrict_child)(struct cfs_err *), int (*try)(void))
{
	int status;
	pid_t pid = fork();

	t_ok(pid >= 0);
	if (pid == 0)
		_exit(restrict_child(NULL) < 0 ? 255 : try());
	t_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static int no_restriction(struct cfs_err *err)
{
	(void)err;
	return 0;
}

static int filter_alone(struct cfs_err *err)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return sandbox_install_filter(err);
}

static int landlock_alone(struct cfs_err *err)
{
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	return sandbox_enable_landlock(err);
}

/* --- seccomp ------------------------------------------------------------------------- */

T(seccomp_kills_on_each_call_that_is_not_allowed)
{
	if (sandbox_audit_arch == 0)
		t_skip("system calls of this architecture are not known");
	for (size_t i = 0; i < N_DEEDS; i++) {
		int status = try_restricted(filter_alone, deeds[i].try);

		if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGSYS)
			t_fail(__FILE__, __LINE__, "%s: expected SIGSYS, got status %x",
			       deeds[i].name, status);
	}
}

/* The program that is executed must not add to what this one prints. */
static int no_restriction_and_no_output(struct cfs_err *err)
{
	(void)err;
	return close(STDOUT_FILENO);
}

/* Else the test before this one could not fail. */
T(without_restrictions_the_same_calls_succeed)
{
	for (size_t i = 0; i < N_DEEDS; i++) {
		int status = try_restricted(no_restriction_and_no_output, deeds[i].try);

		/* An administrator may forbid io_uring. */
		if (deeds[i].try != share_the_kernel)
			t_eq(status, 0);
	}
}

static int try_in_sandbox(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	const struct deed *deed = ctx;

	(void)answer;
	return cfs_fail(err, EEXIST, "%s: %d", deed->name, deed->try());
}

T(the_sandbox_has_this_restriction)
{
	struct cfs_err err;

	for (size_t i = 0; i < N_DEEDS; i++) {
		struct cfs_sandbox_result out = {0};
		struct deed deed = deeds[i];
		int rc = cfs_sandbox_run(&opts, try_in_sandbox, &deed, &out, &err);

		free(out.answer.p);
		if (rc == -ENOTSUP)
			t_skip("%s", err.msg);
		t_eq(rc, -EUCLEAN);
		t_has(err.msg, "killed for a forbidden system call");
	}
}

#ifdef __x86_64__
/* The numbers of 32-bit calls mean other calls: 5 is open there and fstat here; 1 is exit and write. */
static int call_32_bit(void)
{
	long nr = 20; /* getpid */

	__asm__ volatile("int $0x80" : "+a"(nr) : : "memory", "r8", "r9", "r10", "r11");
	return nr == -ENOSYS ? ENOSYS : 0;
}

T(calls_of_another_architecture_are_killed)
{
	int status = try_restricted(filter_alone, call_32_bit);

	t_ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS);
	t_ok(WIFEXITED(try_restricted(no_restriction, call_32_bit)));
}
#endif

/* --- Landlock ------------------------------------------------------------------------ */

static int connect_somewhere(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	return connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
}

static void expect_landlock_to_deny(long abi, int (*try)(void), int errnum)
{
	long has = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);
	int status = try_restricted(landlock_alone, try);

	if (has < abi)
		t_skip("Landlock of version %ld, expected %ld", has, abi);
	t_ok(WIFEXITED(status));
	t_eq(WEXITSTATUS(status), errnum);
}

T(landlock_alone_denies_files)
{
	expect_landlock_to_deny(1, open_a_file, EACCES);
	expect_landlock_to_deny(1, execute, EACCES);
}

T(landlock_alone_denies_tcp)
{
	expect_landlock_to_deny(4, connect_somewhere, EACCES);
	t_ok(WEXITSTATUS(try_restricted(no_restriction, connect_somewhere)) != EACCES);
}

T(landlock_alone_denies_signals)
{
	expect_landlock_to_deny(6, signal_the_parent, EPERM);
}

/* --- Privileges ---------------------------------------------------------------------- */

static int is_dumpable(void)
{
	return prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) == 0 ? EPERM : 0;
}

static int may_gain(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? EPERM : 0;
}

T(capabilities_new_privileges_and_dumps_are_gone)
{
	int (*const tries[])(void) = {is_dumpable, may_gain};

	for (size_t i = 0; i < 2; i++) {
		t_eq(try_restricted(no_restriction, tries[i]), 0);
		t_eq(WEXITSTATUS(try_restricted(sandbox_drop_privileges, tries[i])),
		     EPERM);
	}
}

static int change_root(void)
{
	return chroot("/") < 0 ? errno : 0;
}

T(root_is_not_root_any_more)
{
	if (geteuid() != 0)
		t_skip("needs root");
	t_eq(try_restricted(no_restriction, change_root), 0);
	t_eq(WEXITSTATUS(try_restricted(sandbox_drop_privileges, change_root)), EPERM);
}

/* --- Limits and descriptors ---------------------------------------------------------- */

static int limits_alone(struct cfs_err *err)
{
	return sandbox_set_limits(&opts, err);
}

static int limit_is_zero(int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit) < 0)
		return errno;
	return limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0 : EBUSY;
}

static int zero_limits(void)
{
	int core = limit_is_zero(RLIMIT_CORE), fsize = limit_is_zero(RLIMIT_FSIZE);

	return core ? core : fsize ? fsize : limit_is_zero(RLIMIT_NOFILE);
}

T(limits_deny_core_dumps_descriptors_and_file_sizes)
{
	t_eq(try_restricted(limits_alone, zero_limits), 0);
	t_eq(WEXITSTATUS(try_restricted(limits_alone, open_a_file)), EMFILE);
	t_eq(WEXITSTATUS(try_restricted(limits_alone, open_a_socket)), EMFILE);
}

/* Pages of it are not touched: what is bounded is the address space. */
static int map_within(void)
{
	void *p = mmap(NULL, 60 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int map_beyond(void)
{
	void *p = mmap(NULL, 64 * MIB + 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		       0);

	return p == MAP_FAILED ? errno : 0;
}

T(limit_of_memory_counts_from_what_the_process_has)
{
	void *p;

	t_eq(try_restricted(limits_alone, map_within), 0);
	t_eq(WEXITSTATUS(try_restricted(limits_alone, map_beyond)), ENOMEM);
	p = mmap(NULL, 1024UL * MIB, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	t_ok(p != MAP_FAILED);
	t_eq(try_restricted(limits_alone, map_within), 0);
	t_eq(WEXITSTATUS(try_restricted(limits_alone, map_beyond)), ENOMEM);
	munmap(p, 1024UL * MIB);
}

static int descriptors_alone(struct cfs_err *err)
{
	return sandbox_close_descriptors(open("/", O_PATH | O_CLOEXEC), err);
}

static int count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

T(one_descriptor_stays_open)
{
	int more = open("/", O_PATH);

	t_ok(WEXITSTATUS(try_restricted(no_restriction, count_descriptors)) > 1);
	t_eq(WEXITSTATUS(try_restricted(descriptors_alone, count_descriptors)), 1);
	close(more);
}
