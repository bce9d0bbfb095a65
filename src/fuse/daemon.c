/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-or-later */
/* The process of a server: its descriptors, signals, and the report to who started it. */
#include "fuse/fuse.h"

#include "fuse/fuse_priv.h"
#include "mount/namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* --- signals -------------------------------------------------------------------------- */

static void fill_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
}

/* Lives as long as the process: the server ends by being unmounted. */
static void *wait_for_signal(void *arg)
{
	const char *mountpoint = arg;
	sigset_t set;
	int signal;

	fill_signals(&set);
	if (sigwait(&set, &signal) == 0 &&
	    cfs_fuse_unmount(mountpoint, MNT_DETACH, NULL) == 0)
		(void)sigwait(&set, &signal);
	_exit(EXIT_FAILURE);
}

/* A thread waits for SIGINT and SIGTERM and unmounts, so that the server ends when the
 * mount ends, and not before. */
static int handle_signals(const char *mountpoint, struct cfs_err *err)
{
	pthread_t thread;
	sigset_t set;
	int errnum;

	if (!mountpoint)
		return 0;
	fill_signals(&set);
	errnum = pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (errnum == 0)
		errnum = pthread_create(&thread, NULL, wait_for_signal,
					(void *)(uintptr_t)mountpoint);
	if (errnum)
		return cfs_fail(err, errnum, "cannot start a thread");
	pthread_detach(thread);
	return 0;
}

/* --- the server ------------------------------------------------------------------------- */

/* Each open file of the mount is a descriptor here. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int serve_with_signals(const struct cfs_fuse_service *s, int dev,
			      int (*ready)(void *ctx), void *ctx, struct cfs_err *err)
{
	int rc = handle_signals(s->mountpoint, err);

	raise_file_limit();
	return rc < 0 ? rc : s->serve(s->ctx, dev, ready, ctx, err);
}

/* --- a process of its own --------------------------------------------------------------- */

static int compare_ints(const void *a, const void *b)
{
	int x = *(const int *)a, y = *(const int *)b;

	return (x > y) - (x < y);
}

static void close_from_to(unsigned from, unsigned to)
{
	(void)syscall(SYS_close_range, from, to, 0); /* musl has no function for it */
}

/* Closes all descriptors but 0 to 2 and those in keep, which is sorted. A lock or a mount that the caller holds must
 * not outlive it here. */
static void close_others(int *keep, size_t n)
{
	unsigned from = STDERR_FILENO + 1;

	qsort(keep, n, sizeof(*keep), compare_ints);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)from)
			continue;
		if ((unsigned)keep[i] > from)
			close_from_to(from, (unsigned)keep[i] - 1);
		from = (unsigned)keep[i] + 1;
	}
	close_from_to(from, ~0u);
}

static int keep_own_files(const struct cfs_fuse_service *s, int dev, int report)
{
	cfs_autofree int *keep = malloc((s->n_fds + 2) * sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	if (s->n_fds)
		memcpy(keep, s->fds, s->n_fds * sizeof(*keep));
	keep[s->n_fds] = dev;
	keep[s->n_fds + 1] = report;
	close_others(keep, s->n_fds + 2);
	return 0;
}

static int use_null_device(void)
{
	cfs_autofd int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (null < 0 || dup2(null, fd) < 0)
			return -errno;
	return 0;
}

/* What the starter reads: a result and a sentence. */
struct report {
	int rc;
	struct cfs_err err;
};

/* The process until it is ready. */
struct start {
	enum cfs_fuse_mounts mounts;
	int pipe; /* to the starter; -1: it does not wait any more */
	struct report report;
};

/* Called when the mount answers: from now on the starter does not wait for this process. */
static int report_ready(void *ctx)
{
	struct start *s = ctx;
	int rc = use_null_device();

	if (rc == 0 && s->mounts == CFS_FUSE_MOUNTS_COPIED)
		rc = cfs_namespace_enter(&s->report.err);
	if (rc == 0 && s->mounts == CFS_FUSE_MOUNTS_NONE)
		rc = fuse_leave_mounts(&s->report.err);
	if (rc == 0)
		rc = cfs_io_write(s->pipe, &s->report, sizeof(s->report), NULL);
	if (rc == 0)
		close(cfs_steal_fd(&s->pipe));
	return rc;
}

/* The child of cfs_fuse_start: gives up all it inherited, and reports by the pipe when
 * it serves, or why it does not. Signals get their default, since callers may ignore
 * them. */
static _Noreturn void run_server_child(const struct cfs_fuse_service *service, int dev,
				       int pipe)
{
	struct start s = {.mounts = service->mounts, .pipe = pipe};
	struct cfs_err err = {""};
	int rc;

	signal(SIGINT, SIG_DFL);
	signal(SIGTERM, SIG_DFL);
	signal(SIGHUP, SIG_DFL);
	rc = keep_own_files(service, dev, pipe);
	if (rc == 0 && (setsid() < 0 || chdir("/") < 0))
		rc = -errno;
	if (rc == 0)
		rc = serve_with_signals(service, dev, report_ready, &s, &err);
	s.report.rc = rc;
	if (*err.msg)
		s.report.err = err;
	if (s.pipe >= 0)
		(void)!cfs_io_write(s.pipe, &s.report, sizeof(s.report), NULL);
	_exit(rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

/* Waits until the server reports that it serves, or ends. Its exit is collected here
 * only in case of a failure: otherwise it lives on. */
static int read_report(int pipe, pid_t pid, struct cfs_err *err)
{
	struct report report;
	ssize_t n = cfs_io_read(pipe, &report, sizeof(report), err);
	char end;

	/* The process is ready when it has closed the pipe, too. */
	if (n == sizeof(report) && cfs_io_read(pipe, &end, 1, err) < 0)
		n = -EIO;
	if (n == sizeof(report) && report.rc == 0)
		return 0;
	waitpid(pid, NULL, 0);
	if (n != sizeof(report))
		return n < 0 ? (int)n : cfs_fail(err, EIO, "the FUSE server was killed");
	if (!*report.err.msg)
		return cfs_fail(err, -report.rc, "the FUSE server cannot start: %s",
				strerror(-report.rc));
	if (err)
		*err = report.err;
	return report.rc;
}

int cfs_fuse_start_service(const struct cfs_fuse_service *s, int dev, struct cfs_err *err)
{
	int ends[2], rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return cfs_fail_errno(err, "pipe");
	pid = fork();
	if (pid == 0)
		run_server_child(s, dev, ends[1]);
	rc = pid < 0 ? cfs_fail_errno(err, "fork") : 0;
	close(ends[1]);
	if (rc == 0)
		rc = read_report(ends[0], pid, err);
	close(ends[0]);
	return rc;
}

/* --- the server of an image ------------------------------------------------------------- */

struct image_server {
	const struct cfs_fuse_fs *fs;
	unsigned n_threads;
};

static int serve_image(void *ctx, int dev, int (*ready)(void *ctx), void *ready_ctx,
		       struct cfs_err *err)
{
	const struct image_server *image = ctx;
	struct cfs_fuse_serve_opts serve = {
		.n_threads = image->n_threads, .ready = ready, .ctx = ready_ctx};

	return cfs_fuse_serve(image->fs, dev, &serve, err);
}

int cfs_fuse_run(const struct cfs_fuse_fs *fs, int dev,
		 const struct cfs_fuse_daemon_opts *o, struct cfs_err *err)
{
	struct image_server image = {fs, o->n_threads};
	struct cfs_fuse_service s = {serve_image, &image, .mountpoint = o->mountpoint};

	return serve_with_signals(&s, dev, NULL, NULL, err);
}

int cfs_fuse_start(const struct cfs_fuse_fs *fs, int dev,
		   const struct cfs_fuse_daemon_opts *o, struct cfs_err *err)
{
	cfs_autofree int *fds = malloc((fs->n_objdirs + 2) * sizeof(*fds));
	struct image_server image = {fs, o->n_threads};
	struct cfs_fuse_service s = {.serve = serve_image,
				     .ctx = &image,
				     .mountpoint = o->mountpoint,
				     .mounts = o->mountpoint ? CFS_FUSE_MOUNTS_SHARED
							     : CFS_FUSE_MOUNTS_NONE,
				     .fds = fds,
				     .n_fds = fs->n_objdirs + 2};

	if (!fds)
		return cfs_fail(err, ENOMEM, "out of memory");
	if (fs->n_objdirs)
		memcpy(fds, fs->objdir_fds, fs->n_objdirs * sizeof(*fds));
	fds[fs->n_objdirs] = o->image_fd;
	fds[fs->n_objdirs + 1] = fs->proofs ? fs->report_fd : -1;
	return cfs_fuse_start_service(&s, dev, err);
}
