/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The two sides of the sandbox: the child applies the restrictions and runs the function;
 * the parent reads the answer, waits, and checks everything.
 *
 * The pipe carries a record when the restrictions are in place (or failed), the bytes of
 * the answer, and a record at the end.
 */
#include "sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sandbox/sandbox_priv.h"

enum {
	ERRNO_MAX = 4095,
	PIECE_LEN = 65536,
	WATCH_POLL_MS = 50,
};

struct record {
	int32_t code; /* 0 or a negative errno */
	uint32_t landlock;
	char msg[CFS_ERR_MAX]; /* NUL-terminated */
};

/* --- The child ----------------------------------------------------------------------- */

static void reset_signals(void)
{
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Applies the restrictions. Returns 1 with Landlock, 0 without, or -errno. */
static int restrict_child(const struct cfs_sandbox_opts *opts, int answer,
			  struct cfs_err *err)
{
	int landlock = 0;
	int rc = sandbox_close_descriptors(answer, err);

	if (rc == 0)
		rc = sandbox_drop_privileges(err);
	if (rc == 0)
		rc = landlock = sandbox_enable_landlock(err);
	if (rc >= 0)
		rc = sandbox_set_limits(opts, err);
	if (rc == 0)
		rc = sandbox_install_filter(err);
	return rc < 0 ? rc : landlock;
}

static int write_record(int fd, int rc, const struct cfs_err *err)
{
	struct record r = {.code = rc < 0 ? rc : 0, .landlock = rc > 0};

	if (rc < 0)
		memcpy(r.msg, err->msg, strlen(err->msg));
	return cfs_io_write(fd, &r, sizeof(r), NULL);
}

/* The address sanitizer would call sigaltstack before _exit, which the filter does not
 * permit. */
__attribute__((no_sanitize_address)) static void
run_sandboxed_child(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		    pid_t parent, int answer)
{
	const int out = 0; /* the answer, after sandbox_close_descriptors */
	struct cfs_err err = {""};
	int rc;

	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	rc = restrict_child(opts, answer, &err);
	if (write_record(out, rc, &err) < 0 || rc < 0)
		_exit(1);
	rc = fn(ctx, cfs_sink_fd(&out), &err);
	_exit(write_record(out, rc < 0 ? rc : 0, &err) < 0);
}

/* --- The parent ---------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1: data or end of file; 0: timeout; -errno. */
static int wait_for_input(int fd, int64_t end_ms, const struct cfs_watch *watch,
			  struct cfs_err *err)
{
	const int64_t max = watch ? WATCH_POLL_MS : INT32_MAX;
	struct pollfd p = {fd, POLLIN, 0};
	int n;

	do {
		int64_t left = end_ms - now_ms();
		int rc = cfs_watch_poll(watch, err);

		if (rc < 0 || left <= 0)
			return rc;
		n = poll(&p, 1, (int)(left < max ? left : max));
	} while (n == 0 || (n < 0 && errno == EINTR));
	if (n < 0)
		return cfs_fail_errno(err, "sandbox: poll");
	return n;
}

/* Reads the pipe until the child closes it. -EUCLEAN: too much data, or timeout. */
static int read_answer(const struct cfs_sandbox_opts *opts, int fd, struct cfs_mem *data,
		       struct cfs_err *err)
{
	uint64_t max = opts->answer_max + 2 * sizeof(struct record);
	int64_t end_ms = now_ms() + (int64_t)opts->wall_s * 1000;

	for (;;) {
		int rc = wait_for_input(fd, end_ms, opts->watch, err);
		ssize_t n;

		if (rc < 0)
			return rc;
		if (rc == 0)
			return cfs_fail(err, EUCLEAN,
					"isolated check: no answer within %u s",
					opts->wall_s);
		if (cfs_grow(&data->p, &data->cap, data->len + PIECE_LEN, 1) < 0)
			return cfs_fail(err, ENOMEM, "sandbox: out of memory");
		n = read(fd, data->p + data->len, PIECE_LEN);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cfs_fail_errno(err, "sandbox: read");
		if (n == 0)
			return 0;
		data->len += (size_t)n;
		if (data->len > max)
			return cfs_fail(err, EUCLEAN,
					"isolated check: answered more than %" PRIu64
					" bytes",
					opts->answer_max);
	}
}

/* --- The end of the child ------------------------------------------------------------ */

/* Translates the signal that ended the child into what it means for the user. */
static int explain_signal(const struct cfs_sandbox_opts *opts, int sig,
			  struct cfs_err *err)
{
	switch (sig) {
	case SIGSYS:
		return cfs_fail(err, EUCLEAN,
				"isolated check: killed for a forbidden system "
				"call");
	case SIGXCPU:
		return cfs_fail(err, EUCLEAN,
				"isolated check: used more than %u s of CPU time",
				opts->cpu_s);
	default:
		return cfs_fail(err, EUCLEAN, "isolated check: killed by signal %d (%s)",
				sig, strsignal(sig));
	}
}

/* Waits for the end of the child. -EUCLEAN: a signal killed it. If the caller ignores
 * SIGCHLD, the kernel does not report the status, and only the answer counts. */
static int reap_child(const struct cfs_sandbox_opts *opts, pid_t pid, struct cfs_err *err)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == ECHILD)
		return 0;
	if (got < 0)
		return cfs_fail_errno(err, "sandbox: waitpid");
	if (WIFSIGNALED(status))
		return explain_signal(opts, WTERMSIG(status), err);
	return 0;
}

/* --- The answer ---------------------------------------------------------------------- */

/* Copies a message with control characters escaped: it may be printed on a terminal. */
static void copy_escaped(const char *from, struct cfs_err *err)
{
	if (err)
		cfs_show_text(cfs_text(from), err->msg, sizeof(err->msg));
}

/* Reads the record at off; false if it is invalid. */
static bool get_record(const struct cfs_mem *data, uint64_t off, struct record *out)
{
	struct cfs_span raw;

	if (!cfs_span_sub((struct cfs_span){data->p, data->len}, off, sizeof(*out), &raw))
		return false;
	memcpy(out, raw.p, sizeof(*out));
	return out->code <= 0 && out->code >= -ERRNO_MAX && out->landlock <= 1 &&
	       memchr(out->msg, '\0', sizeof(out->msg));
}

/* The code of a sandbox that could not be set up: not one of those that mean a damaged
 * image. */
static int setup_code(int code)
{
	return code == -EINVAL || code == -EUCLEAN || code == -EILSEQ ? -EIO : code;
}

/* Interprets the complete data of the pipe. Leaves the answer without the records in
 * out. */
static int parse_answer(const struct cfs_sandbox_opts *opts,
			struct cfs_sandbox_result *out, struct cfs_err *err)
{
	struct cfs_mem *data = &out->answer;
	struct record first, last;

	if (!get_record(data, 0, &first))
		return cfs_fail(err, EIO, "sandbox: the child ended before it began");
	copy_escaped(first.msg, err);
	if (first.code < 0)
		return setup_code(first.code);
	if (data->len < 2 * sizeof(last) ||
	    !get_record(data, data->len - sizeof(last), &last))
		return cfs_fail(err, EUCLEAN,
				"isolated check: invalid answer of %zu bytes",
				data->len - sizeof(first));
	data->len -= 2 * sizeof(last);
	memmove(data->p, data->p + sizeof(first), data->len);
	copy_escaped(last.msg, err);
	if (last.code == -ENOMEM)
		return cfs_fail(err, ENOMEM,
				"isolated check: needs more than %" PRIu64
				" bytes of memory",
				opts->memory_len);
	return last.code;
}

/* --- All of it ----------------------------------------------------------------------- */

/* Starts the child; *fd is the pipe of its answer. */
static int start_child(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		       pid_t *pid, int *fd, struct cfs_err *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "sandbox: pipe");
	*pid = fork();
	if (*pid == 0)
		run_sandboxed_child(opts, fn, ctx, parent, ends[1]);
	close(ends[1]);
	*fd = ends[0];
	if (*pid > 0)
		return 0;
	close(ends[0]);
	return cfs_fail_errno(err, "sandbox: fork");
}

int cfs_sandbox_run(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		    struct cfs_sandbox_result *out, struct cfs_err *err)
{
	struct record first;
	struct cfs_err ended;
	int rc, fd, end;
	pid_t pid;

	rc = start_child(opts, fn, ctx, &pid, &fd, err);
	if (rc < 0)
		return rc;
	rc = read_answer(opts, fd, &out->answer, err);
	close(fd);
	if (rc < 0)
		kill(pid, SIGKILL);
	end = reap_child(opts, pid, &ended);
	out->landlock = get_record(&out->answer, 0, &first) && first.landlock;
	if (rc == 0 && end < 0) {
		copy_escaped(ended.msg, err);
		/* Killed before the first record: the image is not the reason. */
		rc = get_record(&out->answer, 0, &first) ? end : setup_code(end);
	}
	return rc < 0 ? rc : parse_answer(opts, out, err);
}
