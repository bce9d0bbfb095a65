/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The two sides of the jail: the child that puts up the fences and runs the function, and the parent
 * that listens, waits, and takes nothing for granted.
 *
 * What goes through the pipe: a record once the fences stand (or could not be put up), the bytes of the
 * answer, and a record at the end. What lies between the first and the last is the answer.
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

/* Returns 1 when Landlock is among the fences, else 0. */
static int put_up_fences(const struct cfs_sandbox_opts *opts, int answer,
			 struct cfs_err *err)
{
	int landlock = 0;
	int rc = sandbox_descriptors(answer, err);

	if (rc == 0)
		rc = sandbox_privileges(err);
	if (rc == 0)
		rc = landlock = sandbox_landlock(err);
	if (rc >= 0)
		rc = sandbox_limits(opts, err);
	if (rc == 0)
		rc = sandbox_filter(err);
	return rc < 0 ? rc : landlock;
}

static int put_record(int fd, int rc, const struct cfs_err *err)
{
	struct record r = {.code = rc < 0 ? rc : 0, .landlock = rc > 0};

	if (rc < 0)
		memcpy(r.msg, err->msg, strlen(err->msg));
	return cfs_io_write(fd, &r, sizeof(r), NULL);
}

/* The address sanitizer would ask for the signal stack before _exit: the filter kills for that. */
__attribute__((no_sanitize_address)) static void
be_child(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx, pid_t parent,
	 int answer)
{
	const int out = 0; /* what sandbox_descriptors makes of answer */
	struct cfs_err err = {""};
	int rc;

	reset_signals();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	rc = put_up_fences(opts, answer, &err);
	if (put_record(out, rc, &err) < 0 || rc < 0)
		_exit(1);
	rc = fn(ctx, cfs_sink_fd(&out), &err);
	_exit(put_record(out, rc < 0 ? rc : 0, &err) < 0);
}

/* --- Listening ----------------------------------------------------------------------- */

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* 1: something to read, or the end; 0: the time is over. */
static int wait_for(int fd, int64_t end_ms, struct cfs_err *err)
{
	struct pollfd p = {fd, POLLIN, 0};
	int64_t left;
	int n;

	do {
		left = end_ms - now_ms();
		if (left <= 0)
			return 0;
		n = poll(&p, 1, left < INT32_MAX ? (int)left : INT32_MAX);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return cfs_fail_errno(err, "isolation: poll");
	return n;
}

/* Reads what the child says until it closes the pipe. -EUCLEAN: too much, or for too long. */
static int listen_to(const struct cfs_sandbox_opts *opts, int fd, struct cfs_mem *said,
		     struct cfs_err *err)
{
	uint64_t max = opts->answer_max + 2 * sizeof(struct record);
	int64_t end_ms = now_ms() + (int64_t)opts->wall_s * 1000;

	for (;;) {
		int rc = wait_for(fd, end_ms, err);
		ssize_t n;

		if (rc < 0)
			return rc;
		if (rc == 0)
			return cfs_fail(err, EUCLEAN,
					"isolated check: no answer within %u s",
					opts->wall_s);
		if (cfs_grow(&said->p, &said->cap, said->len + PIECE_LEN, 1) < 0)
			return cfs_fail(err, ENOMEM, "isolation: out of memory");
		n = read(fd, said->p + said->len, PIECE_LEN);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cfs_fail_errno(err, "isolation: read");
		if (n == 0)
			return 0;
		said->len += (size_t)n;
		if (said->len > max)
			return cfs_fail(err, EUCLEAN,
					"isolated check: answered more than %" PRIu64
					" bytes",
					opts->answer_max);
	}
}

/* --- What its end means -------------------------------------------------------------- */

static int explain_signal(const struct cfs_sandbox_opts *opts, int sig,
			  struct cfs_err *err)
{
	switch (sig) {
	case SIGSYS:
		return cfs_fail(err, EUCLEAN,
				"isolated check: killed for a system call that it has no "
				"business with");
	case SIGXCPU:
		return cfs_fail(err, EUCLEAN,
				"isolated check: used more than %u s of CPU time",
				opts->cpu_s);
	default:
		return cfs_fail(err, EUCLEAN, "isolated check: died of signal %d (%s)",
				sig, strsignal(sig));
	}
}

/* Waits for the child's end. -EUCLEAN: it did not end by itself. Where somebody else ignores SIGCHLD, the kernel
 * tells nobody how it ended; what it said must do. */
static int reap(const struct cfs_sandbox_opts *opts, pid_t pid, struct cfs_err *err)
{
	int status;
	pid_t got;

	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	if (got < 0 && errno == ECHILD)
		return 0;
	if (got < 0)
		return cfs_fail_errno(err, "isolation: waitpid");
	if (WIFSIGNALED(status))
		return explain_signal(opts, WTERMSIG(status), err);
	return 0;
}

/* --- What it said -------------------------------------------------------------------- */

/* A copy that may reach a terminal. */
static void copy_safely(const char *from, struct cfs_err *err)
{
	if (err)
		cfs_show(cfs_text(from), err->msg, sizeof(err->msg));
}

/* The record at off of what was said; false when it cannot be one. */
static bool get_record(const struct cfs_mem *said, uint64_t off, struct record *out)
{
	struct cfs_span raw;

	if (!cfs_span_sub((struct cfs_span){said->p, said->len}, off, sizeof(*out), &raw))
		return false;
	memcpy(out, raw.p, sizeof(*out));
	return out->code <= 0 && out->code >= -ERRNO_MAX && out->landlock <= 1 &&
	       memchr(out->msg, '\0', sizeof(out->msg));
}

/* A jail that could not be built says nothing about the image, so the codes for bad input are not for it. */
static int of_jail(int code)
{
	return code == -EINVAL || code == -EUCLEAN || code == -EILSEQ ? -EIO : code;
}

/* What was said, which is all there. Leaves the answer alone in out. */
static int take_answer(const struct cfs_sandbox_opts *opts,
		       struct cfs_sandbox_result *out, struct cfs_err *err)
{
	struct cfs_mem *said = &out->answer;
	struct record first, last;

	if (!get_record(said, 0, &first))
		return cfs_fail(err, EIO, "isolation: the child ended before it began");
	copy_safely(first.msg, err);
	if (first.code < 0)
		return of_jail(first.code);
	if (said->len < 2 * sizeof(last) ||
	    !get_record(said, said->len - sizeof(last), &last))
		return cfs_fail(err, EUCLEAN,
				"isolated check: said %zu bytes that are no answer",
				said->len - sizeof(first));
	said->len -= 2 * sizeof(last);
	memmove(said->p, said->p + sizeof(first), said->len);
	copy_safely(last.msg, err);
	if (last.code == -ENOMEM)
		return cfs_fail(err, ENOMEM,
				"isolated check: wants more than %" PRIu64
				" bytes of memory",
				opts->memory_len);
	return last.code;
}

/* --- All of it ----------------------------------------------------------------------- */

/* Starts the child; *fd is where it speaks. */
static int start(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		 pid_t *pid, int *fd, struct cfs_err *err)
{
	pid_t parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "isolation: pipe");
	*pid = fork();
	if (*pid == 0)
		be_child(opts, fn, ctx, parent, ends[1]);
	close(ends[1]);
	*fd = ends[0];
	if (*pid > 0)
		return 0;
	close(ends[0]);
	return cfs_fail_errno(err, "isolation: fork");
}

int cfs_sandbox_run(const struct cfs_sandbox_opts *opts, cfs_sandbox_fn fn, void *ctx,
		    struct cfs_sandbox_result *out, struct cfs_err *err)
{
	struct record first;
	struct cfs_err ended;
	int rc, fd, end;
	pid_t pid;

	rc = start(opts, fn, ctx, &pid, &fd, err);
	if (rc < 0)
		return rc;
	rc = listen_to(opts, fd, &out->answer, err);
	close(fd);
	if (rc < 0)
		kill(pid, SIGKILL);
	end = reap(opts, pid, &ended);
	out->landlock = get_record(&out->answer, 0, &first) && first.landlock;
	if (rc == 0 && end < 0) {
		copy_safely(ended.msg, err);
		/* Before the first record stood: not the image's fault. */
		rc = get_record(&out->answer, 0, &first) ? end : of_jail(end);
	}
	return rc < 0 ? rc : take_answer(opts, out, err);
}
