/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* sandbox: the answer of the sandbox, and that every failure in it is reported. */
#include "t.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "sandbox/sandbox_priv.h"

enum { MIB = 1 << 20, RECORD_LEN = 8 + CFS_ERR_MAX };

static const struct cfs_sandbox_opts opts = {
	.memory_len = 64 * MIB, .answer_max = MIB, .cpu_s = 1, .wall_s = 300};

/* Runs fn, which must end with that code and a sentence that holds expected. */
static void run(cfs_sandbox_fn fn, void *ctx, int code, const char *expected)
{
	struct cfs_sandbox_result out = {0};
	struct cfs_err err = {""};
	int rc = cfs_sandbox_run(&opts, fn, ctx, &out, &err);

	free(out.answer.p);
	if (rc == -ENOTSUP)
		t_skip("%s", err.msg);
	if (rc != code)
		t_fail(__FILE__, __LINE__, "got %d \"%s\", expected %d \"%s\"", rc,
		       err.msg, code, expected);
	if (expected)
		t_has(err.msg, expected);
}

/* --- Answers ------------------------------------------------------------------------- */

static int echo(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	return answer.write(answer.ctx, ctx, strlen(ctx), err);
}

T(sandbox_returns_the_complete_answer)
{
	struct cfs_sandbox_result out = {0};
	char text[] = "whatever the caller knew";
	struct cfs_err err;
	int rc = cfs_sandbox_run(&opts, echo, text, &out, &err);

	if (rc == -ENOTSUP)
		t_skip("%s", err.msg);
	t_eq(rc, 0);
	t_eq(out.answer.len, strlen(text));
	t_mem(out.answer.p, text, out.answer.len);
	free(out.answer.p);
}

static int fail(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	(void)answer;
	return cfs_fail(err, ENOENT, "%s", (const char *)ctx);
}

T(sandbox_returns_an_error_with_its_message)
{
	char sentence[] = "nothing of that name";

	run(fail, sentence, -ENOENT, sentence);
}

T(control_characters_of_a_message_are_removed)
{
	char sentence[] = "red \x1b[31m and\nnext \x7f";

	run(fail, sentence, -ENOENT, "red \\x1b[31m and\\x0anext \\x7f");
}

T(a_message_of_control_characters_is_truncated)
{
	char sentence[CFS_ERR_MAX];

	memset(sentence, 1, sizeof(sentence) - 1);
	sentence[sizeof(sentence) - 1] = '\0';
	run(fail, sentence, -ENOENT, "\\x01\\x01");
}

static int by_byte(const void *a, const void *b)
{
	return *(const char *)a - *(const char *)b;
}

static int allocate_and_sort(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	char *p = malloc(4 * MIB), *q;

	(void)ctx;
	if (!p)
		return cfs_fail(err, ENOMEM, "malloc");
	memset(p, 'x', 4 * MIB);
	p[MIB] = 'a';
	qsort(p, 4 * MIB, 1, by_byte);
	q = realloc(p, 16 * MIB);
	if (!q)
		return cfs_fail(err, ENOMEM, "realloc");
	return answer.write(answer.ctx, q, 1, err);
}

T(memory_within_the_limit_and_qsort_work)
{
	run(allocate_and_sort, NULL, 0, NULL);
}

/* --- What is no answer --------------------------------------------------------------- */

/* The sanitizer would do something before _exit. */
__attribute__((no_sanitize_address)) static int say_raw(void *ctx, struct cfs_sink answer,
							struct cfs_err *err)
{
	const struct cfs_span *raw = ctx;

	(void)answer.write(answer.ctx, raw->p, raw->len, err);
	_exit(0);
}

T(an_answer_without_an_end_counts_as_damage)
{
	static const uint8_t bytes[RECORD_LEN];
	struct cfs_span raw = {bytes, RECORD_LEN - 1};

	run(say_raw, &raw, -EUCLEAN, "invalid answer of 1031 bytes");
}

T(an_invalid_end_of_an_answer_counts_as_damage)
{
	static const struct {
		uint32_t code, landlock;
		char last;
	} ends[] = {
		{1, 0, 0},		 /* a code that is no error */
		{(uint32_t)-4096, 0, 0}, /* a code that is no errno */
		{(uint32_t)INT32_MIN, 0, 0},
		{0, 2, 0}, /* a bool that is none */
	};
	uint8_t bytes[RECORD_LEN] = {0};
	struct cfs_span raw = {bytes, sizeof(bytes)};

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		memcpy(bytes, &ends[i].code, 4);
		memcpy(bytes + 4, &ends[i].landlock, 4);
		run(say_raw, &raw, -EUCLEAN, "invalid answer of");
	}
	memset(bytes, 0, 8);
	memset(bytes + 8, 'x', CFS_ERR_MAX); /* a sentence without end */
	run(say_raw, &raw, -EUCLEAN, "invalid answer of");
	memset(bytes + 8, 0, CFS_ERR_MAX);
	run(say_raw, &raw, 0, NULL);
}

static int flood(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	static const char piece[4096];

	(void)ctx;
	while (answer.write(answer.ctx, piece, sizeof(piece), err) == 0)
		;
	return 0;
}

T(an_answer_has_a_limit_of_length)
{
	run(flood, NULL, -EUCLEAN, "answered more than 1048576 bytes");
}

/* --- Crashes and limits -------------------------------------------------------------- */

static int crash(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	volatile int *nothing =
		mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)ctx;
	(void)answer;
	(void)err;
	*nothing = 1;
	return 0;
}

T(a_crash_counts_as_damage)
{
	run(crash, NULL, -EUCLEAN, "killed by signal 11");
}

/* A caller that ignores SIGCHLD, or was started by one, cannot wait: the kernel does not tell. */
T(the_answer_gives_the_result_where_sigchld_is_ignored)
{
	char text[] = "";

	signal(SIGCHLD, SIG_IGN);
	run(echo, text, 0, NULL);
	run(fail, text, -ENOENT, NULL);
	run(crash, NULL, -EUCLEAN, "invalid answer of 0 bytes");
	signal(SIGCHLD, SIG_DFL);
}

/* As when the file of a mapping is cut off meanwhile. */
static int read_behind_the_end(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	const volatile char *p = ctx;

	(void)answer;
	(void)err;
	return p[0] ? -1 : 0;
}

T(a_truncated_file_counts_as_damage)
{
	int fd = memfd_create("cut", MFD_CLOEXEC);
	void *p;

	t_eq(ftruncate(fd, 4096), 0);
	p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	t_ok(p != MAP_FAILED);
	run(read_behind_the_end, p, 0, NULL);
	t_eq(ftruncate(fd, 0), 0);
	run(read_behind_the_end, p, -EUCLEAN, "killed by signal 7");
	munmap(p, 4096);
	close(fd);
}

static int loop(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	(void)ctx;
	(void)answer;
	(void)err;
	for (;;)
		__asm__ volatile("");
	return 0;
}

T(an_endless_loop_is_ended_by_the_limit_on_cpu_time)
{
	run(loop, NULL, -EUCLEAN, "used more than 1 s of CPU time");
}

/* Ignored signals are inherited; this one must not be. */
T(an_endless_loop_is_ended_where_its_signal_was_ignored)
{
	signal(SIGXCPU, SIG_IGN);
	run(loop, NULL, -EUCLEAN, "used more than 1 s of CPU time");
	signal(SIGXCPU, SIG_DFL);
}

T(real_time_is_limited)
{
	struct cfs_sandbox_opts brief = opts;
	struct cfs_sandbox_result out = {0};
	struct cfs_err err;
	int rc;

	brief.cpu_s = 30;
	brief.wall_s = 1;
	rc = cfs_sandbox_run(&brief, loop, NULL, &out, &err);
	free(out.answer.p);
	if (rc == -ENOTSUP)
		t_skip("%s", err.msg);
	t_eq(rc, -EUCLEAN);
	t_has(err.msg, "no answer within 1 s");
}

static int map(void *ctx, struct cfs_sink answer, struct cfs_err *err)
{
	const size_t *len = ctx;

	(void)answer;
	if (mmap(NULL, *len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		 0) != MAP_FAILED)
		return 0;
	return cfs_fail_errno(err, "mmap");
}

/* It may be the limit that is too low. */
T(exceeding_the_limit_of_memory_does_not_count_as_damage)
{
	size_t len = 63 * MIB;

	run(map, &len, 0, NULL);
	len = 65 * MIB;
	run(map, &len, -ENOMEM, "needs more than 67108864 bytes of memory");
}

/* --- A sandbox that cannot be set up -------------------------------------------------- */

static int is_no_damage(void)
{
	struct cfs_sandbox_result out = {0};
	char text[] = "never";
	struct cfs_err err;

	CHILD_CHECK(cfs_sandbox_run(&opts, echo, text, &out, &err) == -EIO);
	CHILD_CHECK(strstr(err.msg, "sandbox: no_new_privs"));
	free(out.answer.p);
	return 0;
}

T(failing_to_set_up_the_sandbox_does_not_count_as_damage)
{
	struct fault fault = {SYS_prctl, 0, PR_SET_NO_NEW_PRIVS, EINVAL};

	t_eq(fault_run(&fault, is_no_damage), 0);
}

/* --- Kernels that lack something ----------------------------------------------------- */

static int answers(void)
{
	struct cfs_sandbox_result out = {0};
	char text[] = "still";
	int rc = cfs_sandbox_run(&opts, echo, text, &out, NULL);

	CHILD_CHECK(rc == 0 && out.answer.len == 5);
	free(out.answer.p);
	return 0;
}

static int is_refused(void)
{
	struct cfs_sandbox_result out = {0};
	char text[] = "never";
	struct cfs_err err;

	CHILD_CHECK(cfs_sandbox_run(&opts, echo, text, &out, &err) == -ENOTSUP);
	CHILD_CHECK(strstr(err.msg, "this kernel has no seccomp filters"));
	CHILD_CHECK(out.answer.len < 2 * RECORD_LEN);
	free(out.answer.p);
	return 0;
}

T(a_kernel_without_seccomp_is_reported_and_nothing_runs)
{
	struct fault fault = {SYS_prctl, 0, PR_SET_SECCOMP, EINVAL};

	t_eq(fault_run(&fault, is_refused), 0);
}

static int says_that_there_is_no_landlock(void)
{
	struct cfs_sandbox_result out = {0};
	char text[] = "x";

	CHILD_CHECK(cfs_sandbox_run(&opts, echo, text, &out, NULL) == 0);
	CHILD_CHECK(!out.landlock);
	free(out.answer.p);
	return 0;
}

T(a_kernel_without_landlock_is_reported_and_seccomp_is_used_alone)
{
	struct fault fault = {SYS_landlock_create_ruleset, 0, 0, ENOSYS};

	t_eq(fault_run(&fault, says_that_there_is_no_landlock), 0);
}

/* The limit was lowered after it was opened. */
static int closes_what_is_above_the_limit(void)
{
	struct rlimit limit = {64, 64};
	int status;
	pid_t pid;

	CHILD_CHECK(dup2(open("/", O_PATH), 900) == 900);
	CHILD_CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
	pid = fork();
	if (pid == 0)
		_exit(sandbox_close_descriptors(open("/", O_PATH), NULL) < 0 ||
		      fcntl(0, F_GETFD) < 0 || fcntl(900, F_GETFD) >= 0);
	CHILD_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	return 0;
}

T(descriptors_are_closed_where_close_range_is_missing)
{
	struct fault fault = {SYS_close_range, 0, 0, ENOSYS};

	t_eq(fault_run(&fault, answers), 0);
	t_eq(fault_run(&fault, closes_what_is_above_the_limit), 0);
}
